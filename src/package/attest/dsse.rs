//! DSSE envelopes in Sigstore bundles (version 0.3): one payload, one signature, one form.
//!
//! In: a payload and its signature, or the bytes of a bundle. Out: the bundle, or what it holds. A bundle that is read must be byte for
//! byte what would have been written, so no byte of it can be changed without notice. Refuses to know what a payload says.

use super::super::strict_json;
use super::key::{KeyId, Sign};
use crate::error::Error;
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

/// The media type of the bundles.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of the payloads: in-toto statements.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// The fingerprint of the key, as the bundle has it.
    pub keyid: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// The pre-authentication encoding: `DSSEv1 LEN(type) type LEN(payload) payload` (DSSE protocol, version 1).
pub(super) fn pae(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Signs a payload and gives the bundle.
///
/// # Errors
/// When the key does not sign.
pub(super) fn sign(payload: &[u8], key: &dyn Sign) -> Result<Vec<u8>, Error> {
    let signature = key.sign(&pae(payload))?;
    Ok(render(&Bundle { payload: payload.to_vec(), keyid: KeyId::of(key.public()).to_string(), signature }))
}

/// The one form of a bundle. Both names of the key are its fingerprint: some readers look at one, some at the other.
fn render(bundle: &Bundle) -> Vec<u8> {
    let value = json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": { "publicKey": { "hint": bundle.keyid } },
        "dsseEnvelope": {
            "payload": Base64::encode_string(&bundle.payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "keyid": bundle.keyid, "sig": Base64::encode_string(&bundle.signature) }],
        },
    });
    value.to_string().into_bytes()
}

/// Reads a bundle.
///
/// # Errors
/// One sentence a fault.
pub(super) fn read(bytes: &[u8]) -> Result<Bundle, Vec<String>> {
    let value = strict_json::read_canonical(bytes)?;
    let one = |why: String| vec![why];
    let signatures = value.pointer("/dsseEnvelope/signatures").and_then(Value::as_array).map_or(0, Vec::len);
    if signatures != 1 {
        return Err(one(format!("it holds {signatures} signatures, and must hold one")));
    }
    let text = |pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| one(format!("{pointer} is not a text")))
    };
    let base64 = |pointer: &str| {
        text(pointer).and_then(|t| Base64::decode_vec(t).map_err(|_| one(format!("{pointer} is not plain base64"))))
    };
    let is = |pointer: &str, wanted: &str| match text(pointer)? {
        found if found == wanted => Ok(()),
        found => Err(one(format!("{pointer} is {found:?} and must be {wanted:?}"))),
    };
    is("/mediaType", MEDIA_TYPE)?;
    is("/dsseEnvelope/payloadType", PAYLOAD_TYPE)?;
    let bundle = Bundle {
        payload: base64("/dsseEnvelope/payload")?,
        keyid: text("/dsseEnvelope/signatures/0/keyid")?.to_string(),
        signature: base64("/dsseEnvelope/signatures/0/sig")?,
    };
    is("/verificationMaterial/publicKey/hint", &bundle.keyid)?;
    if render(&bundle) != bytes {
        return Err(one("it holds more than a bundle of one signature has".into()));
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_protocol() {
        assert_eq!(pae(b"hello"), b"DSSEv1 28 application/vnd.in-toto+json 5 hello");
        assert_eq!(pae("ü".as_bytes()), "DSSEv1 28 application/vnd.in-toto+json 2 ü".as_bytes());
    }

    #[test]
    fn only_the_one_form_is_read() {
        let good = Bundle { payload: b"{}".to_vec(), keyid: "SHA256:x".into(), signature: vec![7; 64] };
        let bytes = render(&good);
        assert_eq!(read(&bytes).unwrap(), good);
        let fault = |from: &str, to: &str| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains(from), "{text}");
            read(text.replacen(from, to, 1).as_bytes()).unwrap_err().join("; ")
        };
        assert!(fault("\"payload\":\"e30=\"", "\"payload\":\"e30=\",\"payload\":\"e30=\"").contains("a duplicate key"));
        assert!(fault("\"payload\":\"e30=\"", "\"payload\":\"e30=\",\"p\\u0061yload\":\"e30=\"").contains("a duplicate key"));
        assert!(
            fault("\"signatures\":[", "\"signatures\":[{\"keyid\":\"SHA256:y\",\"sig\":\"\"},").contains("holds 2 signatures")
        );
        assert!(fault("e30=", "e31=").contains("not plain base64"));
        assert!(fault("e30=", "e30").contains("not plain base64"));
        assert!(fault("v0.3", "v0.2").contains("/mediaType"));
        assert!(fault("vnd.in-toto+json", "json").contains("/dsseEnvelope/payloadType"));
        assert!(fault("\"hint\":\"SHA256:x\"", "\"hint\":\"SHA256:y\"").contains("hint"));
        assert!(fault("\"mediaType\"", "\"m\":1,\"mediaType\"").contains("holds more"));
        assert!(fault("{", "{ ").contains("canonical"));
        for i in 0..bytes.len() {
            let mut harmed = bytes.clone();
            harmed[i] ^= 1;
            assert!(read(&harmed).map_or(true, |b| b != good), "byte {i}");
        }
    }
}
