//! Topic exchanges: a trie over the words of the binding keys, `*` for one word, `#` for any number of them.

use std::collections::{HashMap, HashSet};

use super::{Destination, Destinations};

#[derive(Debug, Default)]
pub struct Trie {
    words: HashMap<Box<str>, Trie>,
    bound: Destinations,
}

impl Trie {
    pub fn insert(&mut self, pattern: &str, destination: &Destination) {
        let mut node = self;
        for word in words(pattern) {
            node = node.words.entry(word.into()).or_default();
        }
        node.bound.add(destination);
    }

    pub fn remove(&mut self, pattern: &str, destination: &Destination) {
        let words = words(pattern).collect::<Vec<_>>();
        self.remove_words(&words, destination);
    }

    fn remove_words(&mut self, words: &[&str], destination: &Destination) {
        let Some((word, rest)) = words.split_first() else {
            self.bound.remove(destination);
            return;
        };
        if let Some(next) = self.words.get_mut(*word) {
            next.remove_words(rest, destination);
            if next.words.is_empty() && next.bound.is_empty() {
                self.words.remove(*word);
            }
        }
    }

    /// Calls `found` for every destination whose pattern matches; one may come up more than once.
    pub fn find(&self, routing_key: &str, found: &mut impl FnMut(&Destination)) {
        let words = words(routing_key).collect::<Vec<_>>();
        self.find_words(&words, &mut HashSet::new(), found);
    }

    /// `seen` holds the nodes below a `#` with the words left there: without it `#.a.#.a.#` would try every way to
    /// share out the words.
    fn find_words(
        &self,
        words: &[&str],
        seen: &mut HashSet<(*const Trie, usize)>,
        found: &mut impl FnMut(&Destination),
    ) {
        if let Some(hash) = self.words.get("#") {
            if hash.words.is_empty() {
                hash.bound.iter().for_each(&mut *found);
            } else {
                for skip in 0..=words.len() {
                    if seen.insert((std::ptr::from_ref(hash), words.len() - skip)) {
                        hash.find_words(&words[skip..], seen, found);
                    }
                }
            }
        }
        let Some((word, rest)) = words.split_first() else {
            self.bound.iter().for_each(found);
            return;
        };
        if let Some(next) = self.words.get(*word) {
            next.find_words(rest, seen, found);
        }
        if let Some(next) = self.words.get("*") {
            next.find_words(rest, seen, found);
        }
    }
}

/// The words of a key; the empty key has none.
fn words(key: &str) -> impl Iterator<Item = &str> {
    key.split('.').filter(move |_| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, key: &str) -> bool {
        let mut trie = Trie::default();
        let destination = Destination::Exchange("q".into());
        trie.insert(pattern, &destination);
        let mut hit = false;
        trie.find(key, &mut |_| hit = true);
        trie.remove(pattern, &destination);
        assert!(trie.words.is_empty());
        hit
    }

    #[test]
    fn a_key_and_a_pattern_made_to_branch_take_no_longer() {
        let key = vec!["a"; 120].join(".");
        assert!(!matches(&format!("{}z", "#.a.".repeat(40)), &key));
    }

    #[test]
    fn words_stars_and_hashes_match_as_the_specification_says() {
        for (pattern, key, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("*.b", "a.b", true),
            ("*.b", "b", false),
            ("*", "", false),
            ("", "", true),
            ("", "a", false),
            ("*", "a.b", false),
            ("#", "", true),
            ("#", "a.b.c", true),
            ("a.#", "a", true),
            ("a.#", "a.b.c", true),
            ("a.#", "b.a", false),
            ("#.z", "a.b.z", true),
            ("#.z", "z", true),
            ("a.#.z", "a.z", true),
            ("a.#.z", "a.b.c.z", true),
            ("#.b.#", "a.b.c", true),
            ("#.b.#", "a.c", false),
            ("#.#", "a", true),
            ("a.*.#", "a", false),
            ("a.*.#", "a.b", true),
            ("*.*", "a.", true),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} against {key}");
        }
    }
}
