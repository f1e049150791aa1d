//! Notifications of a PostgreSQL server, heard without asking for them again and again.
//!
//! Whoever is to sleep until one arrives needs the socket of the connection, which diesel does
//! not show; so this is a connection of libpq's own. It does nothing but listen.

use std::ffi::{CStr, CString, c_char, c_void};
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use pq_sys::{
    ConnStatusType, ExecStatusType, PGconn, PGnotify, PQclear, PQconnectdb, PQconsumeInput,
    PQerrorMessage, PQexec, PQfinish, PQfreemem, PQnotifies, PQresultStatus, PQsetNoticeProcessor,
    PQsocket, PQstatus,
};

/// A connection to a server that listens on some channels.
#[derive(Debug)]
pub struct Listener {
    connection: NonNull<PGconn>,
    /// Who is told of the server's notices, at a place that stays: libpq has its address.
    _told: Box<Told>,
}

/// Is told what the server says without being asked, such as that it is about to stop.
type Told = fn(&str);

/// What libpq says of a connection that was not made, or was lost.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ListenError {
    message: String,
}

impl ListenError {
    /// In libpq's words, or the server's.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

// SAFETY: libpq lets a connection go from thread to thread as long as one uses it at a time
// (its manual, 34.20), which `&mut self` sees to.
unsafe impl Send for Listener {}

impl Listener {
    /// Connects, and listens on a channel from then on: an identifier in lower case. Waits for the
    /// server. Its notices are told to `told`, which libpq would print on stderr.
    ///
    /// # Errors
    /// The server cannot be reached, or lets nobody in.
    pub fn connect(
        connection_string: &CStr,
        channel: &str,
        told: fn(&str),
    ) -> Result<Self, ListenError> {
        // SAFETY: the string is ended by a NUL and lives until the call is over.
        let connection = unsafe { PQconnectdb(connection_string.as_ptr()) };
        let connection = NonNull::new(connection).ok_or_else(|| ListenError {
            message: "out of memory".to_owned(),
        })?;
        let told = Box::new(told);
        let address: *const Told = &raw const *told;
        // SAFETY: the connection is ours; `tell` takes this address for what it is, and the box
        // lives until the connection is finished.
        unsafe { PQsetNoticeProcessor(connection.as_ptr(), Some(tell), address.cast_mut().cast()) };
        let mut listener = Self {
            connection,
            _told: told,
        };
        // SAFETY: the connection is ours until it is dropped.
        let status = unsafe { PQstatus(connection.as_ptr()) };
        if status != ConnStatusType::CONNECTION_OK {
            return Err(listener.error());
        }
        listener.listen(channel)?;
        Ok(listener)
    }

    fn listen(&mut self, channel: &str) -> Result<(), ListenError> {
        let statement = CString::new(format!("LISTEN {channel}")).map_err(|_| ListenError {
            message: "the name of a channel holds a NUL".to_owned(),
        })?;
        // SAFETY: the connection is ours; the statement is ended by a NUL and outlives the call.
        let result = unsafe { PQexec(self.connection.as_ptr(), statement.as_ptr()) };
        // SAFETY: a result of PQexec, or null, which is a status of its own.
        let status = unsafe { PQresultStatus(result) };
        // SAFETY: the same, and nobody uses it any more.
        unsafe { PQclear(result) };
        if status == ExecStatusType::PGRES_COMMAND_OK {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    /// Becomes readable when something has arrived, or the connection was lost; none when it was
    /// lost before.
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: the connection is ours.
        let socket = unsafe { PQsocket(self.connection.as_ptr()) };
        // SAFETY: libpq keeps its socket open until the connection is used to read or dropped,
        // which nobody can do while this borrows it.
        (socket >= 0).then(|| unsafe { BorrowedFd::borrow_raw(socket) })
    }

    /// The payloads of the notifications that have arrived. Does not wait.
    ///
    /// # Errors
    /// The connection was lost.
    pub fn take(&mut self) -> Result<Vec<String>, ListenError> {
        // SAFETY: the connection is ours.
        if unsafe { PQconsumeInput(self.connection.as_ptr()) } == 0 {
            return Err(self.error());
        }
        let mut payloads = Vec::new();
        loop {
            // SAFETY: the connection is ours.
            let notification = unsafe { PQnotifies(self.connection.as_ptr()) };
            let Some(notification) = NonNull::new(notification) else {
                return Ok(payloads);
            };
            payloads.push(payload(notification));
            // SAFETY: PQnotifies gave it to us to free, and its payload was copied.
            unsafe { PQfreemem(notification.as_ptr().cast()) };
        }
    }

    fn error(&mut self) -> ListenError {
        // SAFETY: the connection is ours.
        let message = unsafe { PQerrorMessage(self.connection.as_ptr()) };
        // SAFETY: libpq's message is ended by a NUL and stays until the connection is used again.
        let message = unsafe { CStr::from_ptr(message) };
        ListenError {
            message: message.to_string_lossy().trim_end().to_owned(),
        }
    }
}

/// Called by libpq, while the connection is used, with what it was given and a notice.
extern "C" fn tell(told: *mut c_void, notice: *const c_char) {
    // SAFETY: the address that PQsetNoticeProcessor was given, of a box that lives as long as
    // the connection.
    let told = unsafe { &*told.cast_const().cast::<Told>() };
    // SAFETY: libpq ends the text by a NUL, and it lives until we return.
    let notice = unsafe { CStr::from_ptr(notice) };
    told(notice.to_string_lossy().trim_end());
}

fn payload(notification: NonNull<PGnotify>) -> String {
    // SAFETY: PQnotifies gave it to us, whole.
    let notification = unsafe { notification.as_ref() };
    if notification.extra.is_null() {
        return String::new();
    }
    // SAFETY: libpq ends the text by a NUL and keeps it with the notification.
    let payload = unsafe { CStr::from_ptr(notification.extra) };
    payload.to_string_lossy().into_owned()
}

impl Drop for Listener {
    fn drop(&mut self) {
        // SAFETY: the connection is ours, and not used after this.
        unsafe { PQfinish(self.connection.as_ptr()) };
    }
}
