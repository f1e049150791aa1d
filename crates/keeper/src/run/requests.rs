//! What the launcher asks for.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use crate::protocol::{
    HELLO, LAUNCH, LAUNCH_FDS, LIMIT, LaunchMessage, RECALL, REQUEST_BYTES, to_words,
};

/// A message, with the descriptors that came beside it.
#[derive(Debug)]
pub(super) enum Request {
    /// The first one: whether clone3 may be used, and the root of the cgroups.
    Hello {
        concurrent: bool,
        root: Option<OwnedFd>,
    },
    Launch(LaunchMessage, [OwnedFd; LAUNCH_FDS]),
    /// Its descriptors did not arrive, as we have too many.
    Stripped(LaunchMessage),
    /// What waits for its turn is to be given back.
    Recall,
    /// So many of those that wait may run at once.
    Limit(u64),
    Unknown,
}

/// Takes one message: `None` when the launcher is gone, [`Errno::AGAIN`] when there is none now.
pub(super) fn receive(socket: BorrowedFd<'_>) -> Result<Option<Request>, Errno> {
    let mut bytes = [0; REQUEST_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LAUNCH_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let length = match rustix::net::recvmsg(socket, &mut parts, &mut control, flags) {
        Ok(received) => received.bytes,
        Err(Errno::CONNRESET) => 0,
        Err(errno) => return Err(errno),
    };
    if length == 0 {
        return Ok(None);
    }
    let mut descriptors = descriptors(&mut control);
    let Some(words) = bytes.get(..length).and_then(to_words) else {
        return Ok(Some(Request::Unknown));
    };
    Ok(Some(match words[0] {
        HELLO => Request::Hello {
            concurrent: words[1] != 0,
            root: descriptors[0].take(),
        },
        LAUNCH => {
            let message = LaunchMessage::of_words(&words);
            match descriptors {
                [Some(block), Some(stdin), Some(stdout), Some(stderr)] => {
                    Request::Launch(message, [block, stdin, stdout, stderr])
                }
                _ => Request::Stripped(message),
            }
        }
        RECALL => Request::Recall,
        LIMIT => Request::Limit(words[1]),
        _ => Request::Unknown,
    }))
}

fn descriptors(control: &mut RecvAncillaryBuffer<'_>) -> [Option<OwnedFd>; LAUNCH_FDS] {
    let mut found = [const { None }; LAUNCH_FDS];
    let mut places = found.iter_mut();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            for fd in rights {
                // One too many is closed.
                if let Some(place) = places.next() {
                    *place = Some(fd);
                }
            }
        }
    }
    found
}
