//! Addresses: from what a program writes to what the kernel takes, and back.

use std::ffi::{CStr, CString, c_char};
use std::mem::{MaybeUninit, offset_of};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::event_loop::Errno;

unsafe extern "C" {
    /// Missing in the libc crate. Its spelling of IPv6 addresses is Node's (`::ffff:1.2.3.4`, `::1.2.3.4`).
    fn inet_ntop(
        family: libc::c_int,
        source: *const libc::c_void,
        out: *mut c_char,
        size: libc::socklen_t,
    ) -> *const c_char;
}

/// A socket address as the kernel takes it.
pub struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

/// A socket address as a program reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    Inet {
        host: String,
        port: u16,
        version: u8,
    },
    /// Empty for a socket without a name; abstract names begin with a NUL.
    Unix(Vec<u8>),
}

/// 4, 6, or 0 for what is no IP address. IPv6 addresses may carry a zone (`fe80::1%eth0`).
pub fn ip_version(text: &str) -> u8 {
    if text.parse::<Ipv4Addr>().is_ok() {
        return 4;
    }
    let (host, zone) = split_zone(text);
    let zone_is_name = |zone: &str| {
        !zone.is_empty()
            && zone
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte))
    };
    if host.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(zone_is_name) {
        6
    } else {
        0
    }
}

fn split_zone(text: &str) -> (&str, Option<&str>) {
    text.split_once('%')
        .map_or((text, None), |(host, zone)| (host, Some(zone)))
}

impl Address {
    /// EINVAL for what is no IP address.
    pub fn inet(host: &str, port: u16) -> Result<Self, Errno> {
        if let Ok(ip) = host.parse::<Ipv4Addr>() {
            // SAFETY: all-zero is a valid sockaddr_in.
            let mut address: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
            address.sin_family = libc::AF_INET as _;
            address.sin_port = port.to_be();
            address.sin_addr.s_addr = u32::from_ne_bytes(ip.octets());
            return Ok(Address::from_raw(&address));
        }
        let (host, zone) = split_zone(host);
        let ip = host.parse::<Ipv6Addr>().map_err(|_| -libc::EINVAL)?;
        // SAFETY: all-zero is a valid sockaddr_in6.
        let mut address: libc::sockaddr_in6 = unsafe { MaybeUninit::zeroed().assume_init() };
        address.sin6_family = libc::AF_INET6 as _;
        address.sin6_port = port.to_be();
        address.sin6_addr.s6_addr = ip.octets();
        address.sin6_scope_id = zone.map_or(0, interface_index);
        Ok(Address::from_raw(&address))
    }

    /// A path, an abstract name when it begins with a NUL, or nothing: bind then makes up an abstract name.
    ///
    /// # Errors
    /// EINVAL when it is longer than the kernel's 108 bytes (as libuv since 1.46; before that it cut the name), and for a path
    /// with a NUL, which the kernel would cut there.
    pub fn unix(name: &[u8]) -> Result<Self, Errno> {
        // SAFETY: all-zero is a valid sockaddr_un.
        let mut address: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
        let is_path = name.first().is_some_and(|&first| first != 0);
        if name.len() > address.sun_path.len() || (is_path && name.contains(&0)) {
            return Err(-libc::EINVAL);
        }
        address.sun_family = libc::AF_UNIX as _;
        for (slot, byte) in address.sun_path.iter_mut().zip(name) {
            *slot = *byte as c_char;
        }
        let mut made = Address::from_raw(&address);
        // An abstract name is all bytes that the length covers; a path ends at its NUL or at the end of the array.
        if !is_path {
            made.length = (offset_of!(libc::sockaddr_un, sun_path) + name.len()) as _;
        }
        Ok(made)
    }

    fn from_raw<T>(raw: &T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        // SAFETY: all-zero is a valid sockaddr_storage; `T` is a plain sockaddr that fits, checked above.
        let storage = unsafe {
            let mut storage: libc::sockaddr_storage = MaybeUninit::zeroed().assume_init();
            (&raw mut storage).cast::<T>().copy_from_nonoverlapping(raw, 1);
            storage
        };
        Address {
            storage,
            length: size_of::<T>() as _,
        }
    }

    /// Lets the kernel fill it in: `fill` is getsockname or one of its kind.
    pub(super) fn filled_by(
        fill: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int,
    ) -> Option<Self> {
        // SAFETY: all-zero is a valid sockaddr_storage.
        let mut storage: libc::sockaddr_storage = unsafe { MaybeUninit::zeroed().assume_init() };
        let mut length = size_of_val(&storage) as libc::socklen_t;
        let status = fill((&raw mut storage).cast(), &mut length);
        (status == 0).then_some(Address { storage, length })
    }

    pub(super) fn as_raw(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        ((&raw const self.storage).cast(), self.length)
    }

    pub(super) fn family(&self) -> libc::c_int {
        libc::c_int::from(self.storage.ss_family)
    }

    /// `None` for families that are neither IP nor UNIX.
    pub fn describe(&self) -> Option<Peer> {
        match self.family() {
            libc::AF_INET => {
                // SAFETY: the family says that it is a sockaddr_in, and the storage is large enough and aligned for it.
                let inet = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_in>() };
                Some(Peer::Inet {
                    host: Ipv4Addr::from(inet.sin_addr.s_addr.to_ne_bytes()).to_string(),
                    port: u16::from_be(inet.sin_port),
                    version: 4,
                })
            }
            libc::AF_INET6 => {
                // SAFETY: as above, a sockaddr_in6.
                let inet = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_in6>() };
                Some(Peer::Inet {
                    host: describe_ipv6(inet),
                    port: u16::from_be(inet.sin6_port),
                    version: 6,
                })
            }
            libc::AF_UNIX => Some(Peer::Unix(self.unix_name())),
            _ => None,
        }
    }

    fn unix_name(&self) -> Vec<u8> {
        // SAFETY: the family says that it is a sockaddr_un, and the storage is large enough and aligned for it.
        let unix = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let covered = (self.length as usize).saturating_sub(offset_of!(libc::sockaddr_un, sun_path));
        let mut name: Vec<u8> = unix.sun_path[..covered.min(unix.sun_path.len())]
            .iter()
            .map(|&byte| byte as u8)
            .collect();
        if name.first().is_some_and(|&first| first != 0) {
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            name.truncate(end);
        }
        name
    }
}

fn describe_ipv6(inet: &libc::sockaddr_in6) -> String {
    let mut text = [0 as c_char; 64];
    // SAFETY: 16 bytes of address in, 64 bytes of room out, which is more than INET6_ADDRSTRLEN (46).
    let written = unsafe {
        inet_ntop(
            libc::AF_INET6,
            (&raw const inet.sin6_addr).cast(),
            text.as_mut_ptr(),
            text.len() as _,
        )
    };
    if written.is_null() {
        return String::new();
    }
    // SAFETY: inet_ntop ended it with a NUL.
    let host = unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy();
    let is_link_local = inet.sin6_addr.s6_addr[0] == 0xfe && inet.sin6_addr.s6_addr[1] & 0xc0 == 0x80;
    if !is_link_local {
        return host.into_owned();
    }
    interface_name(inet.sin6_scope_id).map_or_else(|| host.to_string(), |zone| format!("{host}%{zone}"))
}

/// 0 (no zone) when there is no such interface; the connection then fails with the kernel's error.
fn interface_index(name: &str) -> u32 {
    let Ok(text) = CString::new(name) else { return 0 };
    // SAFETY: a NUL-terminated string.
    match unsafe { libc::if_nametoindex(text.as_ptr()) } {
        0 => name.parse().unwrap_or(0),
        index => index,
    }
}

fn interface_name(index: u32) -> Option<String> {
    let mut name = [0 as c_char; libc::IF_NAMESIZE];
    // SAFETY: room for the longest name the kernel gives.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    // SAFETY: not null, so it is our NUL-terminated array.
    (!found.is_null()).then(|| unsafe { CStr::from_ptr(found) }.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(host: &str) -> Option<Peer> {
        Address::inet(host, 80).ok()?.describe()
    }

    #[test]
    fn ip_addresses_come_back_as_node_spells_them() {
        for host in [
            "127.0.0.1",
            "::",
            "::1",
            "2001:db8::1",
            "::ffff:1.2.3.4",
            "::1.2.3.4",
        ] {
            let version = if host.contains(':') { 6 } else { 4 };
            let expected = Peer::Inet {
                host: host.into(),
                port: 80,
                version,
            };
            assert_eq!(round_trip(host), Some(expected));
        }
    }

    #[test]
    fn a_zone_is_the_name_of_an_interface() {
        let Some(Peer::Inet { host, .. }) = round_trip("fe80::1%lo") else {
            panic!("not an address");
        };
        assert_eq!(host, "fe80::1%lo");
        assert_eq!(ip_version("fe80::1%lo"), 6);
        assert_eq!(ip_version("fe80::1%"), 0);
        assert_eq!(ip_version("127.0.0.1%lo"), 0);
    }

    #[test]
    fn unix_names_come_back_whole() {
        for name in [&b"/tmp/x"[..], b"\0abstract\0name", &[b'p'; 108]] {
            let address = Address::unix(name).expect("a valid name");
            assert_eq!(address.describe(), Some(Peer::Unix(name.to_vec())));
        }
        assert_eq!(Address::unix(&[b'p'; 109]).err(), Some(-libc::EINVAL));
        assert_eq!(Address::unix(b"/tmp/x\0y").err(), Some(-libc::EINVAL));
    }
}
