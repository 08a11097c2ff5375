-- Who watches events as they happen asks for what came after a position of each log.
CREATE INDEX history_position ON history (district, producer, part, "offset");
