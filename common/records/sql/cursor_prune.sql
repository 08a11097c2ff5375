-- By where a row ends: the newest ends where the consumer stands, however far below it begins.
DELETE FROM cursor WHERE producer = $1::text AND part = $2::bigint AND to_offset < $3::bigint
