-- Asks for another try; how many were asked for. $1, $2: a service, a key; empty: all.
WITH asked_intake AS (
    UPDATE intake.poison SET retry = true WHERE $1 IN ('', 'intake') AND ($2 = '' OR key = $2) RETURNING 1),
asked_dispatch AS (
    UPDATE dispatch.poison SET retry = true WHERE $1 IN ('', 'dispatch') AND ($2 = '' OR key = $2) RETURNING 1),
asked_notification AS (
    UPDATE notification.poison SET retry = true WHERE $1 IN ('', 'notification') AND ($2 = '' OR key = $2) RETURNING 1),
asked_evaluation AS (
    UPDATE evaluation.poison SET retry = true WHERE $1 IN ('', 'evaluation') AND ($2 = '' OR key = $2) RETURNING 1),
asked_reporting AS (
    UPDATE reporting.poison SET retry = true WHERE $1 IN ('', 'reporting') AND ($2 = '' OR key = $2) RETURNING 1)
SELECT (SELECT count(*) FROM asked_intake) + (SELECT count(*) FROM asked_dispatch) + (SELECT count(*) FROM asked_notification)
     + (SELECT count(*) FROM asked_evaluation) + (SELECT count(*) FROM asked_reporting)
