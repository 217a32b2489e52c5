//! `make run` on a machine where something that it needs is missing.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::process::{Finished, finish};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/run.sh")
}

/// Where the shell finds a program now.
async fn program(name: &str) -> PathBuf {
    let output = Command::new("bash").args(["-c", &format!("command -v {name}")]).output().await.unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Runs the script where the only programs are those it begins with, and these stand-ins that do nothing.
async fn run_with(stand_ins: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    symlink(program("dirname").await, folder.path().join("dirname")).unwrap();
    for name in stand_ins {
        let path = folder.path().join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program("bash").await);
    command.arg(script()).env_clear().env("PATH", folder.path());
    finish(command).await
}

#[tokio::test]
async fn what_is_missing_for_the_build_is_one_line_with_the_cure() {
    for (stand_ins, missing, cure) in [
        (&[][..], "cargo is missing", "install Rust from https://rustup.rs"),
        (&["cargo"][..], "a C compiler (cc) is missing", "apt-get install build-essential"),
    ] {
        let finished = run_with(stand_ins).await;
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_eq!((finished.out.as_str(), finished.err.lines().count()), ("", 1), "{finished:?}");
        assert!(finished.err.starts_with(&format!("error: {missing}")), "{}", finished.err);
        assert!(finished.err.contains(cure), "{}", finished.err);
    }
}
