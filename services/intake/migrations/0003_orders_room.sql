-- Room for the one update that an order's row has here: with less most of them found their page full and made index entries too.
ALTER TABLE orders SET (fillfactor = 50);
