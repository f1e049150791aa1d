"""The queue that people write themselves: a commit when a job is taken, a commit when it has ended.

    two_commits.py fill DATABASE JOBS PROGRAM
    two_commits.py work DATABASE AT_ONCE
"""
import os
import sqlite3
import sys

_, action, path, number, *program = sys.argv
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = FULL")

if action == "fill":
    db.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, program TEXT, status TEXT, code INTEGER)")
    db.execute("CREATE INDEX queued ON job (id) WHERE status = 'queued'")
    db.execute("BEGIN")
    jobs = ((program[0],) for _ in range(int(number)))
    db.executemany("INSERT INTO job (program, status) VALUES (?, 'queued')", jobs)
    db.execute("COMMIT")
    sys.exit()

running = {}
while True:
    while len(running) < int(number):
        taken = db.execute(
            "UPDATE job SET status = 'running' WHERE id = "
            "(SELECT id FROM job WHERE status = 'queued' ORDER BY id LIMIT 1) RETURNING id, program"
        ).fetchall()
        if not taken:
            break
        (job, program), = taken
        running[os.posix_spawn(program, [program], os.environ)] = job
    if not running:
        break
    pid, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    db.execute("UPDATE job SET status = 'ended', code = ? WHERE id = ?", (code, running.pop(pid)))

(ended,), = db.execute("SELECT count(*) FROM job WHERE status = 'ended' AND code = 0")
print(ended)
