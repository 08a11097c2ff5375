-- The newest notices of all the addresses one organisation reads, less what it did itself. An address is looked for by its number in
-- inbox_address.
SELECT i.notice, i.producer, i."offset", i.type, i.side, i."order", i.place, i.town, i.squad, i.due, i."time", i.recorded
FROM unnest($2::text[], $3::text[]) AS a(side, organisation)
CROSS JOIN LATERAL (
    SELECT n.*
    FROM inbox n
    WHERE hashtextextended(n.organisation, hashtextextended(n.side, hashtextextended(n.district, 0)))
            = hashtextextended(a.organisation, hashtextextended(a.side, hashtextextended($1::text, 0)))
      AND n.district = $1::text AND n.side = a.side AND n.organisation = a.organisation
      AND n.notice < $4::bigint AND n."by" <> $5::text
    ORDER BY n.notice DESC
    LIMIT $6::bigint
) i
ORDER BY i.notice DESC
LIMIT $6::bigint
