SELECT log_partition_ensure($1::bigint)
