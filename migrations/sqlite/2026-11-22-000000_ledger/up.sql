-- A ledger of our own: ArchiveBox's four tables, by its names and column types, with our own
-- columns after its own, and the history of attempts. Every column of ours may be NULL or has
-- a default, so that a writer that does not know it still works.

-- 'HLDG': how a ledger of our own is told from everybody else's database.
PRAGMA application_id = 1212957767;

CREATE TABLE machine_machine (
    id                 TEXT PRIMARY KEY NOT NULL,
    created_at         DATETIME NOT NULL,
    modified_at        DATETIME NOT NULL,
    num_uses_succeeded INTEGER NOT NULL DEFAULT 0,
    num_uses_failed    INTEGER NOT NULL DEFAULT 0,
    guid               VARCHAR(64) NOT NULL UNIQUE,
    hostname           VARCHAR(63) NOT NULL,
    hw_in_docker       BOOLEAN NOT NULL DEFAULT 0,
    hw_in_vm           BOOLEAN NOT NULL DEFAULT 0,
    hw_manufacturer    VARCHAR(63) NOT NULL,
    hw_product         VARCHAR(63) NOT NULL,
    hw_uuid            VARCHAR(255) NOT NULL,
    os_arch            VARCHAR(15) NOT NULL,
    os_family          VARCHAR(15) NOT NULL,
    os_platform        VARCHAR(63) NOT NULL,
    os_release         VARCHAR(63) NOT NULL,
    os_kernel          VARCHAR(255) NOT NULL,
    stats              TEXT CHECK (JSON_VALID(stats) OR stats IS NULL),
    config             TEXT CHECK (JSON_VALID(config) OR config IS NULL)
);

CREATE INDEX machine_machine_created_at_idx ON machine_machine (created_at);

CREATE TABLE machine_networkinterface (
    id                 TEXT PRIMARY KEY NOT NULL,
    created_at         DATETIME NOT NULL,
    modified_at        DATETIME NOT NULL,
    num_uses_succeeded INTEGER NOT NULL DEFAULT 0,
    num_uses_failed    INTEGER NOT NULL DEFAULT 0,
    machine_id         TEXT NOT NULL REFERENCES machine_machine (id),
    iface              VARCHAR(15) NOT NULL,
    ip_public          VARCHAR(39) NOT NULL,
    ip_local           VARCHAR(39) NOT NULL,
    mac_address        VARCHAR(17) NOT NULL,
    dns_server         VARCHAR(39) NOT NULL,
    hostname           VARCHAR(256) NOT NULL,
    isp                VARCHAR(256) NOT NULL,
    city               VARCHAR(100) NOT NULL,
    region             VARCHAR(100) NOT NULL,
    country            VARCHAR(100) NOT NULL,
    UNIQUE (machine_id, ip_public, ip_local, mac_address, dns_server)
);

CREATE INDEX machine_networkinterface_created_at_idx ON machine_networkinterface (created_at);

CREATE TABLE machine_binary (
    id                 TEXT PRIMARY KEY NOT NULL,
    created_at         DATETIME NOT NULL,
    modified_at        DATETIME NOT NULL,
    num_uses_succeeded INTEGER NOT NULL DEFAULT 0,
    num_uses_failed    INTEGER NOT NULL DEFAULT 0,
    machine_id         TEXT NOT NULL REFERENCES machine_machine (id),
    name               VARCHAR(63) NOT NULL,
    binproviders       VARCHAR(127) NOT NULL DEFAULT 'env',
    overrides          TEXT NOT NULL DEFAULT '{}' CHECK (JSON_VALID(overrides)),
    binprovider        VARCHAR(31) NOT NULL DEFAULT '',
    abspath            VARCHAR(255) NOT NULL DEFAULT '',
    version            VARCHAR(32) NOT NULL DEFAULT '',
    sha256             VARCHAR(64) NOT NULL DEFAULT '',
    status             VARCHAR(16) NOT NULL DEFAULT 'queued',
    retry_at           DATETIME,
    UNIQUE (machine_id, name, abspath, version, sha256)
);

CREATE INDEX machine_binary_created_at_idx ON machine_binary (created_at);
-- Found by name whatever its case.
CREATE INDEX machine_binary_name_idx ON machine_binary (lower(name));
CREATE INDEX machine_binary_retry_at_idx ON machine_binary (retry_at) WHERE retry_at IS NOT NULL;

CREATE TABLE machine_process (
    id                   CHAR(32) PRIMARY KEY NOT NULL,
    created_at           DATETIME NOT NULL,
    modified_at          DATETIME NOT NULL,
    pwd                  VARCHAR(512) NOT NULL,
    cmd                  TEXT NOT NULL CHECK (JSON_VALID(cmd)),
    env                  TEXT NOT NULL CHECK (JSON_VALID(env)),
    timeout              INTEGER NOT NULL,
    pid                  INTEGER,
    exit_code            INTEGER,
    stdout               TEXT NOT NULL,
    stderr               TEXT NOT NULL,
    started_at           DATETIME,
    ended_at             DATETIME,
    url                  VARCHAR(2048),
    status               VARCHAR(16) NOT NULL,
    retry_at             DATETIME,
    binary_id            CHAR(32) REFERENCES machine_binary (id),
    iface_id             CHAR(32) REFERENCES machine_networkinterface (id),
    machine_id           CHAR(32) NOT NULL REFERENCES machine_machine (id),
    process_type         VARCHAR(16) NOT NULL,
    worker_type          VARCHAR(32) NOT NULL,
    parent_id            CHAR(32) REFERENCES machine_process (id),
    -- Our own from here. Identity, beside pid:
    boot_id              TEXT,
    pid_namespace        BIGINT,
    start_ticks          BIGINT,
    pidfd_inode          BIGINT,
    -- Schedule and supervision:
    owner                CHAR(32),
    outcome              VARCHAR(16),
    stop_at              DATETIME,
    stop_by              TEXT,
    stop_signal          INTEGER,
    kill_mode            VARCHAR(16),
    detached             BOOLEAN NOT NULL DEFAULT 0,
    attempt              INTEGER NOT NULL DEFAULT 1,
    max_attempts         INTEGER NOT NULL DEFAULT 1,
    -- What to run, exactly:
    timeout_ms           BIGINT,
    name                 TEXT,
    launch               TEXT CHECK (JSON_VALID(launch) OR launch IS NULL),
    raw_cmd              BLOB,
    raw_pwd              BLOB,
    secret_env           TEXT CHECK (JSON_VALID(secret_env) OR secret_env IS NULL),
    -- What happened:
    log                  TEXT,
    stdout_bytes         BIGINT,
    stderr_bytes         BIGINT,
    cpu_user_us          BIGINT,
    cpu_system_us        BIGINT,
    max_rss_kib          BIGINT,
    block_inputs         BIGINT,
    block_outputs        BIGINT,
    voluntary_switches   BIGINT,
    involuntary_switches BIGINT
);

-- History grows without end while few rows are queued or running at a time, so the indexes
-- that change along a life hold those few only: a row of history is in created_at and, where
-- it has them, parent and binary.
CREATE INDEX machine_process_created_at_idx ON machine_process (created_at);
CREATE INDEX machine_process_queued_idx ON machine_process (machine_id, retry_at)
    WHERE status = 'queued';
CREATE INDEX machine_process_running_idx ON machine_process (machine_id, pid)
    WHERE status = 'running';
CREATE INDEX machine_process_parent_idx ON machine_process (parent_id)
    WHERE parent_id IS NOT NULL;
CREATE INDEX machine_process_binary_idx ON machine_process (binary_id, exit_code)
    WHERE binary_id IS NOT NULL;
-- Most rows are of type cli, and a list of those is best read by created_at.
CREATE INDEX machine_process_type_idx ON machine_process (process_type, created_at)
    WHERE process_type <> 'cli';
CREATE INDEX machine_process_worker_type_idx ON machine_process (worker_type, created_at)
    WHERE worker_type <> '';

CREATE TABLE hostledger_attempt (
    process_id           CHAR(32) NOT NULL REFERENCES machine_process (id) ON DELETE CASCADE,
    number               INTEGER NOT NULL,
    pid                  INTEGER,
    boot_id              TEXT,
    pid_namespace        BIGINT,
    start_ticks          BIGINT,
    pidfd_inode          BIGINT,
    started_at           DATETIME,
    ended_at             DATETIME NOT NULL,
    exit_code            INTEGER,
    outcome              VARCHAR(16) NOT NULL,
    stdout               TEXT NOT NULL,
    stderr               TEXT NOT NULL,
    stdout_bytes         BIGINT,
    stderr_bytes         BIGINT,
    log                  TEXT,
    cpu_user_us          BIGINT,
    cpu_system_us        BIGINT,
    max_rss_kib          BIGINT,
    block_inputs         BIGINT,
    block_outputs        BIGINT,
    voluntary_switches   BIGINT,
    involuntary_switches BIGINT,
    PRIMARY KEY (process_id, number)
) WITHOUT ROWID;
