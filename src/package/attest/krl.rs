//! Revoked keys: the binary key revocation list of OpenSSH (PROTOCOL.krl), or a plain list of public keys.
//!
//! In: its bytes. Out: [`Revoked`], or why it is refused. Sections on certificates are passed over, since no certificate is ever trusted
//! here; anything else that is not understood is refused, for it may revoke a key.

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use ssh_key::PublicKey;
use std::collections::BTreeSet;

const MAGIC: &[u8] = b"SSHKRL\n\0";
const CERTIFICATES: u8 = 1;
const EXPLICIT_KEY: u8 = 2;
const FINGERPRINT_SHA1: u8 = 3;
const FINGERPRINT_SHA256: u8 = 5;

/// Keys that are revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Whole keys, SHA-1 and SHA-256 digests of keys; told apart by the tag in front.
    found: BTreeSet<(u8, Vec<u8>)>,
}

impl Revoked {
    /// Reads a list.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        match bytes.strip_prefix(MAGIC) {
            Some(rest) => binary(rest),
            None => plain(bytes),
        }
    }

    /// Whether a key is revoked.
    #[must_use]
    pub fn has(&self, key: &PublicKey) -> bool {
        // A key that cannot be written out cannot be looked up: it counts as revoked.
        let Ok(blob) = key.to_bytes() else { return true };
        let (sha1, sha256) = (Sha1::digest(&blob).to_vec(), Sha256::digest(&blob).to_vec());
        [(FINGERPRINT_SHA1, sha1), (FINGERPRINT_SHA256, sha256), (EXPLICIT_KEY, blob)].iter().any(|k| self.found.contains(k))
    }
}

/// Bytes taken from the front.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let (head, rest) = self.0.split_at_checked(count).ok_or("the revocation list is cut short")?;
        self.0 = rest;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(self.take(4)?.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    fn string(&mut self) -> Result<&'b [u8], String> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|_| "a part of the revocation list is too long")?)
    }
}

fn binary(bytes: &[u8]) -> Result<Revoked, String> {
    let mut reader = Reader(bytes);
    let version = reader.u32()?;
    if version != 1 {
        return Err(format!("the revocation list is of version {version}; version 1 is understood"));
    }
    // Its own version, its date, its flags.
    reader.take(24)?;
    let (_reserved, _comment) = (reader.string()?, reader.string()?);
    let mut revoked = Revoked::default();
    while !reader.0.is_empty() {
        let kind = reader.take(1)?[0];
        let mut section = Reader(reader.string()?);
        let length = match kind {
            CERTIFICATES => continue,
            EXPLICIT_KEY => None,
            FINGERPRINT_SHA1 => Some(20),
            FINGERPRINT_SHA256 => Some(32),
            4 => {
                return Err(
                    "a signed revocation list is not understood: hand it over unsigned, as ssh-keygen -k writes it".into()
                );
            }
            kind => return Err(format!("the revocation list has a section of type {kind}, which is not understood")),
        };
        while !section.0.is_empty() {
            let item = section.string()?;
            if length.is_some_and(|n| item.len() != n) {
                return Err("the revocation list has a fingerprint of a wrong length".into());
            }
            revoked.found.insert((kind, item.to_vec()));
        }
    }
    Ok(revoked)
}

fn plain(bytes: &[u8]) -> Result<Revoked, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is neither an OpenSSH revocation list nor a list of public keys")?;
    let mut revoked = Revoked::default();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        let key = PublicKey::from_openssh(&words.join(" ")).ok().and_then(|k| k.to_bytes().ok());
        let key = key.ok_or_else(|| format!("line {} of the revocation list is no public key", i + 1))?;
        revoked.found.insert((EXPLICIT_KEY, key));
    }
    if revoked.found.is_empty() { Err("the revocation list is empty".into()) } else { Ok(revoked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn list(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut out = [MAGIC, &1u32.to_be_bytes(), &[0; 24], &[0; 8]].concat();
        for (kind, body) in sections {
            out.push(*kind);
            out.extend(string(body));
        }
        out
    }

    fn key(byte: u8) -> PublicKey {
        PublicKey::from(ssh_key::public::Ed25519PublicKey([byte; 32]))
    }

    #[test]
    fn each_kind_of_section_revokes() {
        let blob = key(1).to_bytes().unwrap();
        let (sha1, sha256) = (Sha1::digest(&blob).to_vec(), Sha256::digest(&blob).to_vec());
        for section in [(2, string(&blob)), (3, string(&sha1)), (5, string(&sha256))] {
            let revoked = Revoked::parse(&list(&[(1, vec![9; 12]), section.clone()])).unwrap();
            assert!(revoked.has(&key(1)) && !revoked.has(&key(2)), "{section:?}");
        }
        assert!(!Revoked::parse(&list(&[])).unwrap().has(&key(1)), "ssh-keygen makes empty lists");
        let text = format!("# gone\n{} left\n", key(1).to_openssh().unwrap());
        assert!(Revoked::parse(text.as_bytes()).unwrap().has(&key(1)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let why = |bytes: &[u8]| Revoked::parse(bytes).unwrap_err();
        assert!(why(&list(&[(4, vec![])])).contains("signed"));
        assert!(why(&list(&[(255, vec![])])).contains("type 255"));
        assert!(why(&list(&[(5, string(&[0; 20]))])).contains("wrong length"));
        let good = list(&[(2, string(b"key"))]);
        for cut in 9..good.len() {
            if cut != list(&[]).len() {
                assert!(why(&good[..cut]).contains("cut short"), "{cut}");
            }
        }
        assert!(why(b"").contains("empty"));
        assert!(why(b"ssh-ed25519 nope").contains("line 1"));
        assert!(why(b"\xff\xfe").contains("neither"));
        assert!(why(&[MAGIC, &2u32.to_be_bytes()].concat()).contains("version 2"));
    }
}
