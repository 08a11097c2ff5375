DELETE FROM cursor WHERE producer = $1::text AND part = $2::bigint AND from_offset < $3::bigint
