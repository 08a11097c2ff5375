-- In which districts a code is registered: two suffice to know that it is ambiguous.
SELECT district FROM directory_fact WHERE key = $1::text ORDER BY district LIMIT 2
