DROP TABLE people;
DROP TABLE audit;
