//! Writes the place of libtorch into what is linked with it, so that nobody has to set `LD_LIBRARY_PATH`, and tells
//! the crate which libtorch that is. The trainer and compute use this same file.
#![allow(clippy::disallowed_methods)] // a build script speaks with cargo through the environment

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Some(root) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        return;
    };
    // The libraries find each other by paths relative to where they lie, so links are resolved first.
    let lib = root.join("lib");
    let lib = lib.canonicalize().unwrap_or(lib);
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());

    // No symbol of libtorch_cuda is named by anyone: without this the linker drops it, and no GPU is found.
    let cuda = lib.join("libtorch_cuda.so");
    if cuda.exists() {
        println!(
            "cargo:rustc-link-arg=-Wl,--push-state,--no-as-needed,{},--pop-state",
            cuda.display()
        );
    }

    let version = root.join("build-version");
    if let Ok(text) = std::fs::read_to_string(&version) {
        println!("cargo:rerun-if-changed={}", version.display());
        println!("cargo:rustc-env=RLX_LIBTORCH_VERSION={}", text.trim());
    }
}
