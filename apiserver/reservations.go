package apiserver

import (
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func (s *Server) listTaskReservations(c *gin.Context) (any, error) {
	t, err := s.task(c)
	if err != nil {
		return nil, err
	}
	return s.listReservations(c, wire.TaskView, taskrouter.ReservationFilter{TaskSID: t.SID})
}

func (s *Server) listWorkerReservations(c *gin.Context) (any, error) {
	w, err := s.worker(c)
	if err != nil {
		return nil, err
	}
	return s.listReservations(c, wire.WorkerView, taskrouter.ReservationFilter{WorkerSID: w.SID})
}

func (s *Server) listReservations(c *gin.Context, view wire.ReservationView, f taskrouter.ReservationFilter) (any, error) {
	in, err := parseQuery(c, func(q url.Values) (wire.ReservationList, error) { return wire.ParseReservationList(q, view) })
	if err != nil {
		return nil, err
	}
	f.Status = in.Status
	if in.WorkerSID != "" {
		f.WorkerSID = in.WorkerSID
	}
	return list(s, c, listing[*taskrouter.Reservation, wire.Reservation]{
		key: "reservations", prefix: taskrouter.PrefixReservation,
		mark:   func(r *taskrouter.Reservation) string { return taskrouter.MarkAt(r.SID, r.CreatedAt) },
		render: s.renderReservation(view),
		fetch: func(p taskrouter.Page) ([]*taskrouter.Reservation, error) {
			return s.opts.Reader.ListReservations(c.Request.Context(), account(c), workspaceSID(c), f, p)
		},
	})
}

func (s *Server) renderReservation(view wire.ReservationView) func(*taskrouter.Reservation) wire.Reservation {
	return func(r *taskrouter.Reservation) wire.Reservation { return wire.FromReservation(r, view, s.links) }
}

// parent names what a Reservation is reached through: its Task or its Worker.
func parent(c *gin.Context, view wire.ReservationView) (taskSID, workerSID string, err error) {
	if view == wire.WorkerView {
		workerSID, err = pathSID(c, "sid", taskrouter.PrefixWorker)
	} else {
		taskSID, err = pathSID(c, "sid", taskrouter.PrefixTask)
	}
	return taskSID, workerSID, err
}

// reservation reads the Reservation of the path, which must belong to its
// parent there.
func (s *Server) reservation(c *gin.Context, view wire.ReservationView) (*taskrouter.Reservation, error) {
	taskSID, workerSID, err := parent(c, view)
	if err != nil {
		return nil, err
	}
	sid, err := pathSID(c, "child", taskrouter.PrefixReservation)
	if err != nil {
		return nil, err
	}
	r, err := found(s.opts.Reader.FetchReservation(c.Request.Context(), account(c), workspaceSID(c), sid))
	if err != nil {
		return nil, err
	}
	if (taskSID != "" && r.TaskSID != taskSID) || (workerSID != "" && r.WorkerSID != workerSID) {
		return nil, notFound()
	}
	return r, nil
}

func (s *Server) fetchTaskReservation(c *gin.Context) (any, error) {
	return s.fetchReservation(c, wire.TaskView)
}

func (s *Server) fetchWorkerReservation(c *gin.Context) (any, error) {
	return s.fetchReservation(c, wire.WorkerView)
}

func (s *Server) fetchReservation(c *gin.Context, view wire.ReservationView) (any, error) {
	r, err := s.reservation(c, view)
	if err != nil {
		return nil, err
	}
	tagged(c, r.Version)
	return s.renderReservation(view)(r), nil
}

func (s *Server) updateTaskReservation(c *gin.Context) (any, error) {
	return s.updateReservation(c, wire.TaskView)
}

func (s *Server) updateWorkerReservation(c *gin.Context) (any, error) {
	return s.updateReservation(c, wire.WorkerView)
}

func (s *Server) updateReservation(c *gin.Context, view wire.ReservationView) (any, error) {
	in, err := parseForm(c, func(f url.Values) (wire.ReservationUpdate, error) { return wire.ParseReservationUpdate(f, view) })
	if err != nil {
		return nil, refused(c, err, func() (int64, error) {
			r, err := s.reservation(c, view)
			if err != nil {
				return 0, err
			}
			return r.Version, nil
		})
	}
	taskSID, workerSID, err := parent(c, view)
	if err != nil {
		return nil, err
	}
	sid, err := pathSID(c, "child", taskrouter.PrefixReservation)
	if err != nil {
		return nil, err
	}
	r, err := s.opts.Dispatcher.UpdateReservation(c.Request.Context(), dispatch.ReservationUpdate{
		Subject: subject(c, sid), TaskSID: taskSID, WorkerSID: workerSID,
		Status: in.Status, Instruction: in.Instruction, WorkerActivitySID: in.WorkerActivitySID,
	})
	if err != nil {
		return nil, err
	}
	tagged(c, r.Version)
	return s.renderReservation(view)(r), nil
}
