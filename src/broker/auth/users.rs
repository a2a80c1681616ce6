//! Who may come in.

use std::collections::HashMap;

use ring::digest;

/// A user's password, as given or as definitions carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    Plain(String),
    /// RabbitMQ's form: four bytes of salt, then the digest of salt and password.
    Hashed {
        sha512: bool,
        salted: Vec<u8>,
    },
    /// Nobody logs in with a password.
    None,
}

#[derive(Debug, Clone)]
pub struct User {
    pub password: Password,
    /// The vhosts it may open; `None` for all.
    pub vhosts: Option<Vec<String>>,
}

#[derive(Debug, Default)]
pub struct Users(pub HashMap<String, User>);

impl Users {
    pub fn check(&self, name: &[u8], password: &[u8]) -> bool {
        let Some(user) = std::str::from_utf8(name).ok().and_then(|name| self.0.get(name)) else {
            return false;
        };
        match &user.password {
            Password::Plain(expected) => same(expected.as_bytes(), password),
            Password::Hashed { sha512, salted } => {
                let algorithm = if *sha512 { &digest::SHA512 } else { &digest::SHA256 };
                let Some((salt, expected)) = salted.split_at_checked(4) else {
                    return false;
                };
                let mut context = digest::Context::new(algorithm);
                context.update(salt);
                context.update(password);
                same(expected, context.finish().as_ref())
            }
            Password::None => false,
        }
    }

    pub fn may_open(&self, name: &str, vhost: &str) -> bool {
        self.0.get(name).is_some_and(|user| {
            user.vhosts
                .as_ref()
                .is_none_or(|vhosts| vhosts.iter().any(|open| open == vhost))
        })
    }
}

/// Compares without telling by its duration where the first difference is.
fn same(expected: &[u8], given: &[u8]) -> bool {
    let digest = |bytes| digest::digest(&digest::SHA256, bytes);
    digest(expected)
        .as_ref()
        .iter()
        .zip(digest(given).as_ref())
        .fold(0, |difference, (left, right)| difference | (left ^ right))
        == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_checked_in_either_form() {
        let mut salted = vec![1, 2, 3, 4];
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&[1, 2, 3, 4]);
        context.update(b"secret");
        salted.extend_from_slice(context.finish().as_ref());
        let mut users = Users::default();
        for (name, password) in [
            ("plain", Password::Plain("secret".into())),
            (
                "hashed",
                Password::Hashed {
                    sha512: false,
                    salted,
                },
            ),
        ] {
            users.0.insert(
                name.into(),
                User {
                    password,
                    vhosts: None,
                },
            );
            assert!(users.check(name.as_bytes(), b"secret"));
            assert!(!users.check(name.as_bytes(), b"Secret"));
        }
        assert!(!users.check(b"nobody", b"secret"));
    }
}
