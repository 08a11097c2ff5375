UPDATE delivery SET state = 'waiting', due = $5::timestamptz, tries = 0, resent = resent + 1, finished = NULL
WHERE district = $1::text AND channel = 'webhook' AND organisation = $2::text AND endpoint = $3::text AND state = 'dead'
  AND ($4::text = '' OR event = $4::text)
