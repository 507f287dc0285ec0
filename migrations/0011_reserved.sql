-- Nothing: the number keeps the place of a migration that is made beside this one.
SELECT;
