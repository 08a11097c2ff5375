SELECT min(recorded) FROM command
