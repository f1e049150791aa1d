-- A ledger of our own: the tables and columns of migrations/sqlite, in PostgreSQL's own types.
-- Network addresses stay text, as they are in the records.

CREATE TABLE machine_machine (
    id                 uuid PRIMARY KEY,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL,
    num_uses_succeeded bigint NOT NULL DEFAULT 0,
    num_uses_failed    bigint NOT NULL DEFAULT 0,
    guid               text NOT NULL UNIQUE,
    hostname           text NOT NULL,
    hw_in_docker       boolean NOT NULL DEFAULT false,
    hw_in_vm           boolean NOT NULL DEFAULT false,
    hw_manufacturer    text NOT NULL,
    hw_product         text NOT NULL,
    hw_uuid            text NOT NULL,
    os_arch            text NOT NULL,
    os_family          text NOT NULL,
    os_platform        text NOT NULL,
    os_release         text NOT NULL,
    os_kernel          text NOT NULL,
    stats              jsonb,
    config             jsonb
-- Uses are counted in place, many times a second on a busy host.
) WITH (fillfactor = 50);

CREATE INDEX machine_machine_created_at_idx ON machine_machine (created_at);

CREATE TABLE machine_networkinterface (
    id                 uuid PRIMARY KEY,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL,
    num_uses_succeeded bigint NOT NULL DEFAULT 0,
    num_uses_failed    bigint NOT NULL DEFAULT 0,
    machine_id         uuid NOT NULL REFERENCES machine_machine (id),
    iface              text NOT NULL,
    ip_public          text NOT NULL,
    ip_local           text NOT NULL,
    mac_address        text NOT NULL,
    dns_server         text NOT NULL,
    hostname           text NOT NULL,
    isp                text NOT NULL,
    city               text NOT NULL,
    region             text NOT NULL,
    country            text NOT NULL,
    UNIQUE (machine_id, ip_public, ip_local, mac_address, dns_server)
) WITH (fillfactor = 50);

CREATE INDEX machine_networkinterface_created_at_idx ON machine_networkinterface (created_at);

CREATE TABLE machine_binary (
    id                 uuid PRIMARY KEY,
    created_at         timestamptz NOT NULL,
    modified_at        timestamptz NOT NULL,
    num_uses_succeeded bigint NOT NULL DEFAULT 0,
    num_uses_failed    bigint NOT NULL DEFAULT 0,
    machine_id         uuid NOT NULL REFERENCES machine_machine (id),
    name               text NOT NULL,
    binproviders       text NOT NULL DEFAULT 'env',
    overrides          jsonb NOT NULL DEFAULT '{}',
    binprovider        text NOT NULL DEFAULT '',
    abspath            text NOT NULL DEFAULT '',
    version            text NOT NULL DEFAULT '',
    sha256             text NOT NULL DEFAULT '',
    status             text NOT NULL DEFAULT 'queued',
    retry_at           timestamptz,
    -- How one that is asked for comes to be installed; who is at work on it, how many attempts
    -- there may be (NULL: as many as it takes), and why providers did not come up with it.
    min_version        text,
    owner              uuid,
    attempt            bigint NOT NULL DEFAULT 1,
    max_attempts       bigint,
    reasons            jsonb,
    UNIQUE (machine_id, name, abspath, version, sha256)
) WITH (fillfactor = 50);

CREATE INDEX machine_binary_created_at_idx ON machine_binary (created_at);
-- Found by name whatever the case of its ASCII letters.
CREATE INDEX machine_binary_name_idx ON machine_binary (lower(name COLLATE "C"));
CREATE INDEX machine_binary_retry_at_idx ON machine_binary (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX machine_binary_pending_idx ON machine_binary (machine_id, retry_at)
    WHERE status IN ('queued', 'started');
CREATE INDEX machine_binary_abspath_idx ON machine_binary (abspath) WHERE abspath <> '';

CREATE TABLE machine_process (
    id                   uuid PRIMARY KEY,
    created_at           timestamptz NOT NULL,
    modified_at          timestamptz NOT NULL,
    pwd                  text NOT NULL,
    cmd                  jsonb NOT NULL,
    env                  jsonb NOT NULL,
    timeout              bigint NOT NULL,
    pid                  bigint,
    exit_code            bigint,
    stdout               text NOT NULL,
    stderr               text NOT NULL,
    started_at           timestamptz,
    ended_at             timestamptz,
    url                  text,
    status               text NOT NULL,
    retry_at             timestamptz,
    binary_id            uuid REFERENCES machine_binary (id),
    iface_id             uuid REFERENCES machine_networkinterface (id),
    machine_id           uuid NOT NULL REFERENCES machine_machine (id),
    process_type         text NOT NULL,
    worker_type          text NOT NULL,
    parent_id            uuid REFERENCES machine_process (id),
    -- Identity, beside pid:
    boot_id              text,
    pid_namespace        bigint,
    start_ticks          bigint,
    pidfd_inode          bigint,
    -- Schedule and supervision:
    owner                uuid,
    outcome              text,
    stop_at              timestamptz,
    stop_by              text,
    stop_signal          integer,
    kill_mode            text,
    detached             boolean NOT NULL DEFAULT false,
    attempt              bigint NOT NULL DEFAULT 1,
    max_attempts         bigint NOT NULL DEFAULT 1,
    -- What to run, exactly:
    timeout_ms           bigint,
    name                 text,
    launch               jsonb,
    raw_cmd              bytea,
    raw_pwd              bytea,
    secret_env           jsonb,
    -- What happened:
    log                  text,
    stdout_bytes         bigint,
    stderr_bytes         bigint,
    cpu_user_us          bigint,
    cpu_system_us        bigint,
    max_rss_kib          bigint,
    block_inputs         bigint,
    block_outputs        bigint,
    voluntary_switches   bigint,
    involuntary_switches bigint,
    -- Bytes that are no longer in the log; NULL when all are.
    stdout_dropped       bigint,
    stderr_dropped       bigint,
    -- Names the file in the data directory that keeps the secret values.
    secret_batch         uuid,
    -- Whether attempts that nobody saw start or end are tried again.
    retry_lost           boolean NOT NULL DEFAULT false,
    -- The process that this one does again. No key: the older record may be pruned first.
    restart_of           uuid
);

-- A row of history is in created_at and, where it has them, parent, binary and name; the indexes
-- that change along a life hold the few rows that are queued or running.
CREATE INDEX machine_process_created_at_idx ON machine_process (created_at);
CREATE INDEX machine_process_queued_idx
    ON machine_process (machine_id, retry_at, created_at, id) WHERE status = 'queued';
CREATE INDEX machine_process_running_idx ON machine_process (machine_id, pid)
    WHERE status = 'running';
CREATE INDEX machine_process_owner_idx ON machine_process (machine_id, owner)
    WHERE owner IS NOT NULL;
CREATE INDEX machine_process_parent_idx ON machine_process (parent_id)
    WHERE parent_id IS NOT NULL;
CREATE INDEX machine_process_binary_idx ON machine_process (binary_id, exit_code)
    WHERE binary_id IS NOT NULL;
CREATE INDEX machine_process_type_idx ON machine_process (process_type, created_at)
    WHERE process_type <> 'cli';
CREATE INDEX machine_process_worker_type_idx ON machine_process (worker_type, created_at)
    WHERE worker_type <> '';
CREATE INDEX machine_process_secret_batch_idx ON machine_process (secret_batch)
    WHERE secret_batch IS NOT NULL AND status <> 'exited';
CREATE INDEX machine_process_name_idx ON machine_process (name, created_at)
    WHERE name IS NOT NULL;

CREATE TABLE hostledger_attempt (
    process_id           uuid NOT NULL REFERENCES machine_process (id) ON DELETE CASCADE,
    number               bigint NOT NULL,
    pid                  bigint,
    boot_id              text,
    pid_namespace        bigint,
    start_ticks          bigint,
    pidfd_inode          bigint,
    started_at           timestamptz,
    ended_at             timestamptz NOT NULL,
    exit_code            bigint,
    outcome              text NOT NULL,
    stdout               text NOT NULL,
    stderr               text NOT NULL,
    stdout_bytes         bigint,
    stderr_bytes         bigint,
    log                  text,
    cpu_user_us          bigint,
    cpu_system_us        bigint,
    max_rss_kib          bigint,
    block_inputs         bigint,
    block_outputs        bigint,
    voluntary_switches   bigint,
    involuntary_switches bigint,
    stdout_dropped       bigint,
    stderr_dropped       bigint,
    PRIMARY KEY (process_id, number)
);

-- The last id that was given to a worker of a type. Apart from the processes, as it outlives
-- those that are deleted.
CREATE TABLE hostledger_worker_id (
    worker_type text PRIMARY KEY,
    last_id     bigint NOT NULL
);
