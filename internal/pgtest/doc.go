// Package pgtest owns the PostgreSQL servers that tests use: throw-away
// clusters in a temporary folder, started from whatever PostgreSQL is
// installed, and a fresh database in one of them for each test.
//
// With TEST_DATABASE_URL set, databases are made on that server instead. A
// cluster ends with the test process, however that ends.
package pgtest
