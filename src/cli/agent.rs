//! Keys that an ssh-agent holds: two messages of its protocol (draft-ietf-sshm-ssh-agent), over the socket that the environment names.
//!
//! In: a public key. Out: something that signs with its private half, which never comes here.

use super::Env;
use crate::error::{Error, ErrorKind, Fault};
use crate::package::attest::Sign;
use ssh_key::{Algorithm, PublicKey, Signature};
use std::path::Path;

/// The longest answer that is read.
#[cfg(unix)]
const MAX_ANSWER: u32 = 1 << 16;

/// A key in an agent.
pub(super) struct AgentKey {
    public: PublicKey,
    #[cfg_attr(not(unix), expect(dead_code, reason = "agents listen on Unix sockets"))]
    socket: String,
}

/// The key whose public half is in a file, if the environment names an agent.
pub(super) fn key(path: &Path, public: &[u8], env: &Env) -> Result<AgentKey, Error> {
    let usage = |why: String| {
        Error::one(ErrorKind::Usage, Fault::new(why).help("start ssh-agent and ssh-add the key, or name the private key"))
    };
    let text = String::from_utf8_lossy(public);
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    let key = PublicKey::from_openssh(&words.join(" "));
    let public = key.map_err(|_| usage(format!("`{}` is not a public key that can be read", path.display())))?;
    let socket = env.ssh_auth_sock.clone().filter(|s| !s.is_empty());
    let socket =
        socket.ok_or_else(|| usage(format!("`{}` is a public key, and SSH_AUTH_SOCK names no agent", path.display())))?;
    Ok(AgentKey { public, socket })
}

impl Sign for AgentKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    #[cfg(unix)]
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let refused = |why: String| Error::plain(ErrorKind::Usage, format!("the ssh-agent does not sign: {why}"));
        let bytes = self.ask(message).map_err(refused)?;
        // Nothing that does not verify is ever written: signatures are only added, and never taken away.
        let made = Signature::new(Algorithm::Ed25519, bytes.clone()).map_err(|e| refused(e.to_string()))?;
        let right = signature::Verifier::verify(self.public.key_data(), message, &made);
        right.map(|()| bytes).map_err(|_| refused("its answer is no signature by this key".into()))
    }

    #[cfg(not(unix))]
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::plain(ErrorKind::Usage, "ssh-agent is not spoken to on this system"))
    }
}

#[cfg(unix)]
impl AgentKey {
    /// SSH_AGENTC_SIGN_REQUEST (13) with key, message and no flags; SSH_AGENT_SIGN_RESPONSE (14) holds the type and the signature.
    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        use std::io::{Read, Write};
        let blob = self.public.to_bytes().map_err(|e| e.to_string())?;
        let mut body = vec![13];
        for part in [&blob[..], message] {
            body.extend(length(part.len())?);
            body.extend_from_slice(part);
        }
        body.extend([0; 4]);
        let mut stream = std::os::unix::net::UnixStream::connect(&self.socket).map_err(|e| e.to_string())?;
        let wait = Some(std::time::Duration::from_secs(120));
        stream.set_read_timeout(wait).and_then(|()| stream.set_write_timeout(wait)).map_err(|e| e.to_string())?;
        let request = [&length(body.len())?[..], &body].concat();
        stream.write_all(&request).map_err(|e| e.to_string())?;
        let mut size = [0; 4];
        stream.read_exact(&mut size).map_err(|e| e.to_string())?;
        let size = u32::from_be_bytes(size);
        if size > MAX_ANSWER {
            return Err("its answer is too long".into());
        }
        let mut answer = vec![0; size as usize];
        stream.read_exact(&mut answer).map_err(|e| e.to_string())?;
        let rest = answer.strip_prefix(&[14]).ok_or("it refuses, or does not hold the key")?;
        let signature = string(rest).and_then(|(outer, _)| {
            let (kind, rest) = string(outer)?;
            let (bytes, _) = string(rest)?;
            (kind == b"ssh-ed25519" && bytes.len() == 64).then(|| bytes.to_vec())
        });
        signature.ok_or_else(|| "its answer is no Ed25519 signature".into())
    }
}

#[cfg(unix)]
fn length(n: usize) -> Result<[u8; 4], String> {
    u32::try_from(n).map(u32::to_be_bytes).map_err(|_| "the message is too long".to_string())
}

/// A length-prefixed string and what follows it.
#[cfg(unix)]
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*size) as usize)
}
