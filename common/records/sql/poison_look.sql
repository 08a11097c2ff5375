SELECT count(*), count(*) FILTER (WHERE retry) FROM poison
