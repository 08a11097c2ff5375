-- A partition is made beside the log and then attached. CREATE TABLE … PARTITION OF takes ACCESS EXCLUSIVE on the log: it waits for
-- whoever reads it, a backup too, and all who come after wait with it. Attaching takes SHARE UPDATE EXCLUSIVE, which neither readers nor
-- writers notice; who holds even that is not waited for. Returned is how far there are partitions, which may be less than was asked for.
CREATE OR REPLACE FUNCTION log_partition_ensure(upto bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '500ms' AS $$
DECLARE
    size  constant bigint := 1000000;
    first bigint := 0;
    name  text;
BEGIN
    WHILE first <= upto LOOP
        name := 'event_' || to_char(first / size, 'FM000000');
        IF to_regclass(name) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING ALL)', name);
                EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, first, first + size);
            EXCEPTION WHEN lock_not_available THEN
                EXIT;
            END;
        END IF;
        first := first + size;
    END LOOP;
    RETURN first;
END
$$;
