-- What older writers put for a process that they found gone, until it is mended: none, as a rule.
CREATE INDEX machine_process_found_gone_idx ON machine_process (id)
    WHERE exit_code = -1;
