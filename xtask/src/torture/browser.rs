//! A real browser leaves nothing behind: behind a script, in a session of its own, on a page that
//! never comes to its end, stopped by its timeout.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use anyhow::{Context, Result};

use super::Bench;
use super::place::Place;
use super::trees::{Count, Means};
use super::verdict::Verdict;
use crate::debian;

/// How Debian calls it.
const BROWSER: &str = "chromium";

/// What it takes to run as root, without a display, and without asking the internet anything.
const OPTIONS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                       --disable-background-networking --disable-component-update --disable-sync";

pub(super) fn prove(bench: &Bench<'_>) -> Result<Verdict> {
    if let Err(reason) = debian::install(bench.workspace, BROWSER, BROWSER) {
        return Ok(Verdict::skipped(&format!("no {BROWSER}: {reason:#}")));
    }
    if browsers().next().is_some() {
        return Ok(Verdict::skipped("another one runs on this host"));
    }
    let page = endless_page()?;
    let mut verdict = Verdict::table(&["known by", "processes", "late", "survivors"]);
    for means in Means::ALL {
        let (seen, count) = stop(bench, means, &page)?;
        verdict.row([
            format!("{means:?}"),
            seen.to_string(),
            count.late.len().to_string(),
            count.survivors.len().to_string(),
        ]);
        if seen < 4 {
            verdict.broken(format!("{means:?}: {seen} processes make no browser"));
        }
        for survivor in count.survivors {
            verdict.broken(format!("{means:?}: survived: {survivor}"));
        }
        for wrong in count.wrong {
            verdict.broken(format!("{means:?}: {wrong}"));
        }
    }
    Ok(verdict)
}

/// How many processes it had become, and what was left of them.
fn stop(bench: &Bench<'_>, means: Means, page: &str) -> Result<(usize, Count)> {
    let place = Place::make(bench)?.without(means.disabled());
    let profile = place.path("profile");
    let script = place.path("browse");
    write_script(&script, &profile, page)?;
    let run = place.hostledger().args("run --timeout 3s --").arg(&script);
    let run = run.start(Stdio::null(), Stdio::null(), Stdio::piped())?;
    let mut seen = 0;
    let held = crate::held::Held::open(run.id().cast_signed()).context("it runs")?;
    while !held.has_ended() {
        seen = seen.max(browsers().count());
        thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = run.wait_with_output()?;
    let mut count = Count::of(&place)?;
    // Not all of its processes have a file of the place, but all are the same program.
    count
        .survivors
        .extend(browsers().map(|pid| format!("{pid} {BROWSER}")));
    if output.status.code() != Some(124) {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        count.wrong.push(format!("{}: {said}", output.status));
    }
    Ok((seen, count))
}

/// All processes of it on this host.
fn browsers() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let program = fs::read_link(format!("/proc/{pid}/exe"));
        program.is_ok_and(|path| path.to_string_lossy().contains(BROWSER))
    })
}

/// A wrapper as distributions and container images have it. The browser is told apart by the place
/// that its profile is in.
fn write_script(script: &Path, profile: &Path, page: &str) -> Result<()> {
    let profile = profile.display();
    let text = format!(
        "#!/bin/sh\nsetsid --wait {BROWSER} {OPTIONS} --user-data-dir={profile} \
         --dump-dom {page}\necho done\n"
    );
    fs::write(script, text)?;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The address of a server whose only page begins and never ends.
fn endless_page() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port to listen on")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        // Kept, so that the connections stay open as long as we live.
        let connections: Vec<TcpStream> = listener.incoming().flatten().map(begin).collect();
        drop(connections);
    });
    Ok(format!("http://{address}/"))
}

fn begin(mut connection: TcpStream) -> TcpStream {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\n\r\n";
    let mut request = [0; 4096];
    // A browser that has gone needs no answer.
    if connection.read(&mut request).is_ok() {
        let answered = write!(connection, "{head}<html><body>and so on");
        drop(answered);
    }
    connection
}
