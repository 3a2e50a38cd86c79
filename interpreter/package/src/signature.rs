//! Detached minisign signatures beside a pack.

use crate::error::PackError;
use minisign::{PublicKeyBox, SecretKeyBox, SignatureBox};
use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

/// `study.rlxpack` → `study.rlxpack.minisig`, where minisign looks for it.
fn beside(pack: &Path) -> PathBuf {
    let mut name = pack.as_os_str().to_owned();
    name.push(".minisig");
    PathBuf::from(name)
}

fn text(path: &Path) -> Result<String, PackError> {
    fs::read_to_string(path).map_err(|error| PackError::io(path, error))
}

fn key(path: &Path, what: impl ToString) -> PackError {
    PackError::Key {
        path: path.to_owned(),
        what: what.to_string(),
    }
}

/// Signs a pack with a minisign secret key; returns the signature's path.
///
/// # Errors
/// The key cannot be read, needs another password, or the signature cannot be written.
pub fn sign(pack: &Path, secret: &Path, password: Option<String>) -> Result<PathBuf, PackError> {
    let bad = |error: minisign::PError| key(secret, error);
    let sealed = SecretKeyBox::from_string(&text(secret)?).map_err(bad)?;
    let secret_key = match password {
        Some(password) => sealed.into_secret_key(Some(password)),
        None => sealed.into_unencrypted_secret_key(),
    }
    .map_err(bad)?;
    let file = File::open(pack).map_err(|error| PackError::io(pack, error))?;
    let name = pack.file_name().unwrap_or_default().to_string_lossy();
    // The comment is signed too. It names no time, so that signing again gives the same bytes.
    let trusted = format!("rlx pack {name}");
    let signature = minisign::sign(
        None,
        &secret_key,
        BufReader::new(file),
        Some(&trusted),
        Some("signature of an rlx pack"),
    )
    .map_err(bad)?;
    let path = beside(pack);
    fs::write(&path, signature.into_string()).map_err(|error| PackError::io(&path, error))?;
    Ok(path)
}

/// True when the signature beside a pack was made with the secret half of `public`.
///
/// # Errors
/// Key or signature cannot be read.
pub fn verify_signature(pack: &Path, public: &Path) -> Result<bool, PackError> {
    let public_text = text(public)?;
    let public_key = PublicKeyBox::from_string(&public_text)
        .and_then(PublicKeyBox::into_public_key)
        .or_else(|_| minisign::PublicKey::from_base64(public_text.trim()))
        .map_err(|error| key(public, error))?;
    let path = beside(pack);
    let signature = SignatureBox::from_string(&text(&path)?).map_err(|error| key(&path, error))?;
    let file = File::open(pack).map_err(|error| PackError::io(pack, error))?;
    Ok(minisign::verify(&public_key, &signature, BufReader::new(file), true, false, false).is_ok())
}
