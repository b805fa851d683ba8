// Package dev owns the system that runs on a laptop with one command: the
// Temporal server, its UI, the database, the API, the worker process and a
// demo Workspace with a telephone, in one process on embedded defaults. It
// restarts on the same folder where it stopped.
package dev
