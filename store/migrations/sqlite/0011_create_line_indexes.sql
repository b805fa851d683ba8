-- +goose Up

-- The waiting line of a queue, of whatever demand class, in either order; and
-- the demand classes of a queue without a look at their rows.
CREATE INDEX tasks_line_fifo ON tasks (workspace_sid, queue_sid, priority DESC, virtual_start_at, created_at, sid, demand_class)
    WHERE demand_class <> '';
CREATE INDEX tasks_line_lifo ON tasks (workspace_sid, queue_sid, virtual_start_at, created_at, sid, demand_class, priority)
    WHERE demand_class <> '';
CREATE INDEX demand_classes_keys ON demand_classes (queue_sid, worker_sid, workspace_sid, class_key);
DROP INDEX demand_classes_queue;
