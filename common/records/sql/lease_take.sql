-- Takes a part that is free (a restore leaves it without a holder), that the caller held under its own name ($5), or whose holder has not
-- beaten since it was looked at ($6, $7).
INSERT INTO lease (part, epoch, holder, beat, pub, router, key)
VALUES ($1::bigint, 1, $2::text, 0, $3::text, $4::text, $8::text)
ON CONFLICT (part) DO UPDATE
    SET epoch = lease.epoch + 1, holder = excluded.holder, beat = lease.beat + 1, pub = excluded.pub, router = excluded.router,
        key = excluded.key
    WHERE lease.holder = '' OR ($5::boolean AND lease.holder = $2::text) OR (lease.epoch = $6::bigint AND lease.beat = $7::bigint)
RETURNING epoch
