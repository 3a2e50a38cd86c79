//! Sockets and memory files between this process and those it started.

use crate::SandboxError;
use nix::{
    cmsg_space,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        memfd::{MFdFlags, memfd_create},
        socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
            sendmsg, setsockopt, socketpair, sockopt,
        },
    },
    unistd::write,
};
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    time::Duration,
};

/// Longest message on a control or status socket.
const MAX_MESSAGE: usize = 1 << 16;

/// A socket of whole messages; those received carry the sender's process number in this process's own count.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// A message that came.
#[derive(Debug)]
pub(crate) enum Heard {
    Message {
        text: serde_json::Value,
        pid: Option<i32>,
    },
    /// The other side is gone.
    End,
}

impl Channel {
    /// A pair: this side, and the file to be handed on.
    pub(crate) fn pair() -> Result<(Self, OwnedFd), SandboxError> {
        let doing = SandboxError::errno;
        let (here, there) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .map_err(doing("socket pair"))?;
        setsockopt(&here, sockopt::PassCred, &true).map_err(doing("socket pair"))?;
        Ok((Channel(here), there))
    }

    pub(crate) fn send(
        &self,
        message: &serde_json::Value,
        files: &[BorrowedFd<'_>],
    ) -> Result<(), SandboxError> {
        let text = message.to_string();
        let raw: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        sendmsg::<()>(
            self.0.as_raw_fd(),
            &[IoSlice::new(text.as_bytes())],
            if raw.is_empty() { &[] } else { &rights },
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .map_err(SandboxError::errno("message to the interpreter"))?;
        Ok(())
    }

    /// The next message; call it when [`wait`] says that there is one.
    pub(crate) fn receive(&self) -> Heard {
        let mut buffer = vec![0u8; MAX_MESSAGE];
        let mut space = cmsg_space!(nix::sys::socket::UnixCredentials);
        let (length, pid) = {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            match recvmsg::<()>(
                self.0.as_raw_fd(),
                &mut parts,
                Some(&mut space),
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC,
            ) {
                Ok(message) => {
                    let pid = message.cmsgs().ok().and_then(|mut all| {
                        all.find_map(|part| match part {
                            ControlMessageOwned::ScmCredentials(who) => Some(who.pid()),
                            _ => None,
                        })
                    });
                    (message.bytes, pid)
                }
                Err(_) => return Heard::End,
            }
        };
        if length == 0 {
            return Heard::End;
        }
        let text = serde_json::from_slice(buffer.get(..length).unwrap_or_default());
        Heard::Message {
            text: text.unwrap_or_default(),
            pid: pid.filter(|pid| *pid > 0),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until something can be read; says of which it can.
pub(crate) fn wait(files: &[BorrowedFd<'_>], at_most: Duration) -> Vec<bool> {
    let mut polled: Vec<PollFd<'_>> = files
        .iter()
        .map(|file| PollFd::new(*file, PollFlags::POLLIN))
        .collect();
    let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
    if poll(&mut polled, timeout).is_err() {
        return vec![false; files.len()];
    }
    polled
        .iter()
        .map(|file| file.revents().is_some_and(|events| !events.is_empty()))
        .collect()
}

/// A file in memory with this content.
pub(crate) fn memory_file(content: &[u8]) -> Result<OwnedFd, SandboxError> {
    let doing = SandboxError::errno;
    let file = memfd_create(c"rlx", MFdFlags::MFD_CLOEXEC).map_err(doing("memory file"))?;
    let mut rest = content;
    while !rest.is_empty() {
        let written = write(&file, rest).map_err(doing("memory file"))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    nix::unistd::lseek(&file, 0, nix::unistd::Whence::SeekSet).map_err(doing("memory file"))?;
    Ok(file)
}
