//! Keys: the private one that signs, and the short names of public ones.
//!
//! In: the text of an OpenSSH private key. Out: [`Key`], which signs and never shows itself. Refuses to know files and prompts.

use crate::error::{Error, ErrorKind, Fault};
use crate::words::hex;
use ssh_key::{Algorithm, HashAlg, PrivateKey, PublicKey};

/// Signs messages with an Ed25519 key that need not be in this process.
pub trait Sign {
    /// The public key.
    fn public(&self) -> &PublicKey;

    /// The 64 bytes of the signature of a message.
    ///
    /// # Errors
    /// When the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// A private key. Its `Debug` shows the fingerprint only.
pub struct Key(PrivateKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", KeyId::of(self.0.public_key()))
    }
}

/// Why a key was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is encrypted, and no passphrase was given.
    Locked,
    /// The passphrase is not that of the key.
    Passphrase,
    /// It is no Ed25519 private key of OpenSSH; the sentence holds no byte of it.
    NoKey(String),
}

impl Refused {
    /// As an error that names the file.
    #[must_use]
    pub fn error(self, path: &str) -> Error {
        let fault = match self {
            Self::Locked => Fault::new(format!("the key `{path}` is encrypted, and no passphrase was given"))
                .help("set QUORATE_KEY_PASSPHRASE, or run in a terminal to be asked"),
            Self::Passphrase => Fault::new(format!("the passphrase does not open the key `{path}`")),
            Self::NoKey(why) => Fault::new(format!("`{path}` is not a key to sign with: {why}"))
                .help("ssh-keygen -t ed25519 -f FILE makes one; name the private file, not the .pub"),
        };
        Error::one(ErrorKind::Usage, fault)
    }
}

impl Key {
    /// Reads a private key; `passphrase` opens an encrypted one.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn read(text: &[u8], passphrase: Option<&str>) -> Result<Self, Refused> {
        let no_key = |why: &str| Refused::NoKey(why.to_string());
        let key = PrivateKey::from_openssh(text).map_err(|_| no_key("it is no Ed25519 private key in OpenSSH format"))?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(no_key("only Ed25519 keys are used"));
        }
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(Refused::Locked),
            (true, Some(words)) => key.decrypt(words).map_err(|_| Refused::Passphrase)?,
        };
        if key.key_data().ed25519().is_none() { Err(no_key("only Ed25519 keys are used")) } else { Ok(Self(key)) }
    }
}

impl Sign for Key {
    fn public(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        use ssh_key::private::KeypairData;
        let refused = |_| Error::plain(ErrorKind::Internal, "the key does not sign");
        match self.0.key_data() {
            KeypairData::Ed25519(pair) => {
                signature::Signer::try_sign(pair, message).map(|s: ssh_key::Signature| s.as_bytes().to_vec()).map_err(refused)
            }
            _ => Err(Error::plain(ErrorKind::Internal, "the key does not sign")),
        }
    }
}

/// The fingerprint of a public key, as `ssh-keygen -l` prints it: `SHA256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId {
    text: String,
    short: String,
}

impl KeyId {
    /// The fingerprint of a key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let print = key.fingerprint(HashAlg::Sha256);
        Self { text: print.to_string(), short: hex(print.as_bytes()).chars().take(16).collect() }
    }

    /// The first 16 hex digits of the fingerprint, for names of files: the usual form has `/` and two cases of letters.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.short
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
