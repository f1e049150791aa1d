//! The tables as their rows are read and written; plain names here, ArchiveBox's there.
//!
//! The types are SQLite's. PostgreSQL holds ids, times and JSON as what they are, and is asked
//! for them in these forms.

diesel::table! {
    #[sql_name = "machine_machine"]
    machine (id) {
        id -> Text,
        created_at -> Text,
        modified_at -> Text,
        num_uses_succeeded -> BigInt,
        num_uses_failed -> BigInt,
        guid -> Text,
        hostname -> Text,
        hw_in_docker -> Bool,
        hw_in_vm -> Bool,
        hw_manufacturer -> Text,
        hw_product -> Text,
        hw_uuid -> Text,
        os_arch -> Text,
        os_family -> Text,
        os_platform -> Text,
        os_release -> Text,
        os_kernel -> Text,
        stats -> Nullable<Text>,
        config -> Nullable<Text>,
    }
}

diesel::table! {
    #[sql_name = "machine_networkinterface"]
    interface (id) {
        id -> Text,
        created_at -> Text,
        modified_at -> Text,
        num_uses_succeeded -> BigInt,
        num_uses_failed -> BigInt,
        machine_id -> Text,
        iface -> Text,
        ip_public -> Text,
        ip_local -> Text,
        mac_address -> Text,
        dns_server -> Text,
        hostname -> Text,
        isp -> Text,
        city -> Text,
        region -> Text,
        country -> Text,
    }
}

diesel::table! {
    // From min_version on the columns are our own: a foreign database does not have them.
    #[sql_name = "machine_binary"]
    binary (id) {
        id -> Text,
        created_at -> Text,
        modified_at -> Text,
        num_uses_succeeded -> BigInt,
        num_uses_failed -> BigInt,
        machine_id -> Text,
        name -> Text,
        binproviders -> Text,
        overrides -> Text,
        binprovider -> Text,
        abspath -> Text,
        version -> Text,
        sha256 -> Text,
        status -> Text,
        retry_at -> Nullable<Text>,
        min_version -> Nullable<Text>,
        owner -> Nullable<Text>,
        attempt -> BigInt,
        max_attempts -> Nullable<BigInt>,
        reasons -> Nullable<Text>,
    }
}

diesel::table! {
    // From boot_id on the columns are our own: a foreign database does not have them.
    #[sql_name = "machine_process"]
    process (id) {
        id -> Text,
        created_at -> Text,
        modified_at -> Text,
        pwd -> Text,
        cmd -> Text,
        env -> Text,
        timeout -> BigInt,
        pid -> Nullable<BigInt>,
        exit_code -> Nullable<BigInt>,
        stdout -> Text,
        stderr -> Text,
        started_at -> Nullable<Text>,
        ended_at -> Nullable<Text>,
        url -> Nullable<Text>,
        status -> Text,
        retry_at -> Nullable<Text>,
        binary_id -> Nullable<Text>,
        iface_id -> Nullable<Text>,
        machine_id -> Text,
        process_type -> Text,
        worker_type -> Text,
        parent_id -> Nullable<Text>,
        boot_id -> Nullable<Text>,
        pid_namespace -> Nullable<BigInt>,
        start_ticks -> Nullable<BigInt>,
        pidfd_inode -> Nullable<BigInt>,
        owner -> Nullable<Text>,
        outcome -> Nullable<Text>,
        stop_at -> Nullable<Text>,
        stop_by -> Nullable<Text>,
        stop_signal -> Nullable<Integer>,
        kill_mode -> Nullable<Text>,
        detached -> Bool,
        attempt -> BigInt,
        max_attempts -> BigInt,
        timeout_ms -> Nullable<BigInt>,
        name -> Nullable<Text>,
        launch -> Nullable<Text>,
        raw_cmd -> Nullable<Binary>,
        raw_pwd -> Nullable<Binary>,
        secret_env -> Nullable<Text>,
        log -> Nullable<Text>,
        stdout_bytes -> Nullable<BigInt>,
        stderr_bytes -> Nullable<BigInt>,
        cpu_user_us -> Nullable<BigInt>,
        cpu_system_us -> Nullable<BigInt>,
        max_rss_kib -> Nullable<BigInt>,
        block_inputs -> Nullable<BigInt>,
        block_outputs -> Nullable<BigInt>,
        voluntary_switches -> Nullable<BigInt>,
        involuntary_switches -> Nullable<BigInt>,
        stdout_dropped -> Nullable<BigInt>,
        stderr_dropped -> Nullable<BigInt>,
        secret_batch -> Nullable<Text>,
        retry_lost -> Bool,
        restart_of -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(process, binary, interface, owner);

diesel::table! {
    #[sql_name = "hostledger_attempt"]
    attempt (process_id, number) {
        process_id -> Text,
        number -> BigInt,
        pid -> Nullable<BigInt>,
        boot_id -> Nullable<Text>,
        pid_namespace -> Nullable<BigInt>,
        start_ticks -> Nullable<BigInt>,
        pidfd_inode -> Nullable<BigInt>,
        started_at -> Nullable<Text>,
        ended_at -> Text,
        exit_code -> Nullable<BigInt>,
        outcome -> Text,
        stdout -> Text,
        stderr -> Text,
        stdout_bytes -> Nullable<BigInt>,
        stderr_bytes -> Nullable<BigInt>,
        log -> Nullable<Text>,
        cpu_user_us -> Nullable<BigInt>,
        cpu_system_us -> Nullable<BigInt>,
        max_rss_kib -> Nullable<BigInt>,
        block_inputs -> Nullable<BigInt>,
        block_outputs -> Nullable<BigInt>,
        voluntary_switches -> Nullable<BigInt>,
        involuntary_switches -> Nullable<BigInt>,
        stdout_dropped -> Nullable<BigInt>,
        stderr_dropped -> Nullable<BigInt>,
    }
}

diesel::table! {
    #[sql_name = "hostledger_worker_id"]
    worker_id (worker_type) {
        worker_type -> Text,
        last_id -> BigInt,
    }
}

diesel::table! {
    #[sql_name = "hostledger_owner"]
    owner (id) {
        id -> Text,
        machine_id -> Text,
        data_dir -> Nullable<Text>,
        mark -> Nullable<Text>,
        started_at -> Text,
        seen_at -> Text,
    }
}

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    migration (version) {
        version -> Text,
    }
}

/// The tables' names in the database, as errors and lookups name them.
pub(crate) mod names {
    pub(crate) const MACHINE: &str = "machine_machine";
    pub(crate) const INTERFACE: &str = "machine_networkinterface";
    pub(crate) const BINARY: &str = "machine_binary";
    pub(crate) const PROCESS: &str = "machine_process";
    pub(crate) const ATTEMPT: &str = "hostledger_attempt";
}
