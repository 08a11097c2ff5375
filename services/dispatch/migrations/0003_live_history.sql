-- Which history of these records Redis follows: a restore goes back to older offsets, which then are given out a second time, so that a
-- position alone does not say whose it is. One row; `ztc restore` raises it (docs/decisions/0015).
CREATE TABLE live_history (number bigint PRIMARY KEY);
INSERT INTO live_history (number) VALUES (1);
