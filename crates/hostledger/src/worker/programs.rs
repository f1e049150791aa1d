//! Which installed programs the processes run that a worker takes on.
//!
//! The event loop waits neither for the database nor for a file to be hashed: both are seen to
//! between the claim and its answer, and only when there is something new.

use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use hostledger_engine::StoreQueue;
use hostledger_engine::port::{Answered, BookError, Queue};
use hostledger_install::Digests;
use hostledger_model::{Binary, MachineId, OwnerId, ProcessChange, Timestamp, with_causes};
use hostledger_store::{Change, Claims, Store};

use super::known::Known;
use super::trouble::Trouble;
use crate::LedgerError;
use crate::binary::may_use;

/// The installed programs of a machine, as those see them who take processes on.
pub(super) struct Programs {
    pub(super) store: Arc<dyn Store>,
    pub(super) machine: MachineId,
    pub(super) owner: OwnerId,
    pub(super) digests: Arc<Digests>,
    /// Whether nothing is started of which it is not known what it runs.
    pub(super) strict: bool,
    /// Our variables, as they were when the work began.
    pub(super) environment: Arc<[(OsString, OsString)]>,
    pub(super) known: Mutex<Arc<Known>>,
}

/// A queue that answers a claim when all is known of the programs that are to be started.
pub(super) struct KnowingQueue {
    queue: StoreQueue,
    programs: Arc<Programs>,
    unknown: Sender<Unknown>,
    trouble: Arc<Trouble>,
}

/// A claim with programs that are not known.
struct Unknown {
    claims: Claims,
    answered: Answered,
}

impl Programs {
    pub(super) fn known(&self) -> Arc<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }

    /// Whether nothing is to be learnt before these are started.
    fn knows(&self, claims: &Claims) -> Result<bool, LedgerError> {
        let known = self.known();
        let is_current = known.has(&claims.binaries);
        Ok(is_current && (known.is_empty() || self.unhashed(&known, claims)?.is_empty()))
    }

    fn learn(&self, claims: &Claims) -> Result<(), LedgerError> {
        let mut known = self.known();
        if !known.has(&claims.binaries) {
            let rows = self.store.valid_binaries(self.machine)?;
            for row in &rows.corrupt {
                let error = row as &dyn std::error::Error;
                tracing::warn!(error, "an installed program cannot be read");
            }
            // They may be newer than the mark: then the next claim has another one.
            known = Arc::new(Known::new(claims.binaries.clone(), rows.records));
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
        }
        for binary in self.unhashed(&known, claims)? {
            // What cannot be read is told when it is to be started.
            let hashed = self.digests.sha256(Path::new(&binary.abspath));
            tracing::debug!(?hashed, name = binary.name, "looked at before it is used");
            known.is_hashed(&binary);
        }
        Ok(())
    }

    fn unhashed(&self, known: &Known, claims: &Claims) -> Result<Vec<Arc<Binary>>, LedgerError> {
        let mut unhashed = Vec::new();
        for claimed in &claims.claimed {
            unhashed.extend(may_use(&claimed.process, &self.environment, known)?);
        }
        unhashed.retain(|binary| known.has_to_be_hashed(binary));
        Ok(unhashed)
    }

    /// Learns what is unknown and answers, one claim after the other, until nobody claims any more.
    fn answer_all(&self, unknown: &Receiver<Unknown>) {
        for Unknown { claims, answered } in unknown {
            match self.learn(&claims) {
                Ok(()) => answered(Ok(claims)),
                Err(error) if self.strict => {
                    self.give_back(claims);
                    answered(Err(Arc::new(error) as BookError));
                }
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::warn!(error, "it is not known which programs are started");
                    answered(Ok(claims));
                }
            }
        }
    }

    fn give_back(&self, claims: Claims) {
        for claimed in claims.claimed {
            let id = claimed.process.id;
            let retry_at = claimed.due_at;
            let change = Change::ChangeProcess {
                id,
                change: ProcessChange::Deferred { retry_at },
                owner: Some(self.owner),
            };
            let given = self.store.submit(Timestamp::now(), vec![change]);
            // One that was not is taken for ours until we are gone.
            given.notify(move |given| tracing::debug!(%id, ?given, "given back"));
        }
    }
}

impl KnowingQueue {
    pub(super) fn begin(
        queue: StoreQueue,
        programs: Arc<Programs>,
        trouble: Arc<Trouble>,
    ) -> io::Result<Self> {
        let (unknown, requests) = channel();
        let theirs = Arc::clone(&programs);
        thread::Builder::new()
            .name("hostledger-programs".to_owned())
            .spawn(move || theirs.answer_all(&requests))?;
        Ok(Self {
            queue,
            programs,
            unknown,
            trouble,
        })
    }
}

impl Queue for KnowingQueue {
    fn claim(&self, limit: u32, now: Timestamp, answered: Answered) {
        let trouble = Arc::clone(&self.trouble);
        let answered: Answered = Box::new(move |answer| {
            match &answer {
                Ok(_) => trouble.is_over(),
                Err(error) => trouble.failed(error),
            }
            answered(answer);
        });
        let (programs, unknown) = (Arc::clone(&self.programs), self.unknown.clone());
        let answer = move |claims| match claims {
            Ok(claims) if !programs.knows(&claims).unwrap_or(false) => {
                let request = Unknown { claims, answered };
                if let Err(SendError(Unknown { claims, answered })) = unknown.send(request) {
                    tracing::error!("who looks at programs has ended");
                    answered(Ok(claims));
                }
            }
            answer => answered(answer),
        };
        self.queue.claim(limit, now, Box::new(answer));
    }

    fn readiness(&self) -> BorrowedFd<'_> {
        self.queue.readiness()
    }

    fn has_news(&mut self) -> bool {
        self.queue.has_news()
    }
}
