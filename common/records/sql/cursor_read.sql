SELECT DISTINCT ON (producer) producer, to_offset FROM cursor WHERE part = $1::bigint ORDER BY producer, from_offset DESC
