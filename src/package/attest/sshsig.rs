//! SSH signatures (PROTOCOL.sshsig of OpenSSH), as `ssh-keygen -Y sign` makes them with an Ed25519 key.
//!
//! In: a message, a namespace and a key, or an armoured signature. Out: the armour, or the public key that made it. A signature that is
//! read must be byte for byte what would have been written. Refuses to know whose key it is.

use super::key::Sign;
use crate::error::{Error, ErrorKind};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};

/// The hash that `ssh-keygen` takes when none is named.
const HASH: HashAlg = HashAlg::Sha512;

/// Signs a message in a namespace.
///
/// # Errors
/// When the key does not sign.
pub(super) fn sign(message: &[u8], namespace: &str, key: &dyn Sign) -> Result<Vec<u8>, Error> {
    let cannot = |_| Error::plain(ErrorKind::Internal, "the SSH signature cannot be made");
    let signed = SshSig::signed_data(namespace, HASH, message).map_err(cannot)?;
    let signature = Signature::new(Algorithm::Ed25519, key.sign(&signed)?).map_err(cannot)?;
    let whole = SshSig::new(key.public().key_data().clone(), namespace, HASH, signature).map_err(cannot)?;
    whole.to_pem(LineEnding::LF).map(String::into_bytes).map_err(cannot)
}

/// The key that signed a message in a namespace.
///
/// # Errors
/// One sentence.
pub(super) fn verify(armour: &[u8], namespace: &str, message: &[u8]) -> Result<PublicKey, String> {
    let signature = SshSig::from_pem(armour).map_err(|_| "it is not an SSH signature".to_string())?;
    if signature.namespace() != namespace {
        return Err(format!("its namespace is {:?} and must be {namespace:?}", signature.namespace()));
    }
    if signature.signature().algorithm() != Algorithm::Ed25519 || signature.public_key().ed25519().is_none() {
        return Err("it is not by an Ed25519 key".into());
    }
    if signature.to_pem(LineEnding::LF).ok().as_deref().map(str::as_bytes) != Some(armour) {
        return Err("it is not in the form in which ssh-keygen writes it".into());
    }
    let key = PublicKey::new(signature.public_key().clone(), "");
    key.verify(namespace, message, &signature).map_err(|_| "it is not a signature of these bytes".to_string())?;
    Ok(key)
}

/// Whether a bare Ed25519 signature of a message is by a key.
pub(super) fn verify_bare(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::new(Algorithm::Ed25519, signature.to_vec())
        .is_ok_and(|signature| signature::Verifier::verify(key.key_data(), message, &signature).is_ok())
}
