-- What PostgreSQL as a server, its database and its roles are set to, where it matters to this system.
SELECT s.name, s.setting
FROM pg_catalog.pg_settings s
WHERE s.name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'log_statement', 'log_min_duration_statement',
                 'log_min_duration_sample', 'log_transaction_sample_rate', 'log_duration', 'log_parameter_max_length',
                 'log_parameter_max_length_on_error', 'data_directory')
