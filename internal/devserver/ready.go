package devserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/internal/logging"
)

const pollInterval = 20 * time.Millisecond

// ready waits until clients can use the server.
func (s *Server) ready(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	c, err := sdkclient.NewLazyClient(sdkclient.Options{
		HostPort: s.HostPort(), Namespace: s.namespace, Logger: logging.ForSDK(o.Logger.Named("temporal")),
	})
	if err != nil {
		return fmt.Errorf("connect to the Temporal server: %w", err)
	}
	defer c.Close()
	err = poll(ctx, func(ctx context.Context) error {
		if _, err := c.CheckHealth(ctx, &sdkclient.CheckHealthRequest{}); err != nil {
			return err
		}
		_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{
			Namespace: s.namespace,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for the Temporal server: %w", err)
	}
	if err := s.registerSearchAttributes(ctx, c, o.SearchAttributes); err != nil {
		return err
	}
	if s.ui == nil {
		return nil
	}
	if err := poll(ctx, s.checkUI); err != nil {
		return fmt.Errorf("wait for the Temporal UI: %w", err)
	}
	return nil
}

// registerSearchAttributes adds what an existing namespace lacks, and waits
// until the server would take them in a start request.
func (s *Server) registerSearchAttributes(
	ctx context.Context, c sdkclient.Client, want map[string]enumspb.IndexedValueType,
) error {
	if len(want) == 0 {
		s.dynamic.settle(false)
		return nil
	}
	have, err := s.searchAttributes(ctx, c)
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range want {
		switch got, ok := have[name]; {
		case !ok:
			missing[name] = kind
		case got != kind:
			return fmt.Errorf("search attribute %s is a %s, not a %s", name, got, kind)
		}
	}
	if len(missing) > 0 {
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: s.namespace, SearchAttributes: missing,
		})
		if err != nil {
			return fmt.Errorf("register search attributes: %w", err)
		}
	}
	err = poll(ctx, func(ctx context.Context) error {
		have, err := s.searchAttributes(ctx, c)
		if err != nil {
			return err
		}
		for name := range want {
			if _, ok := have[name]; !ok {
				return fmt.Errorf("search attribute %s is not visible yet", name)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("register search attributes: %w", err)
	}
	s.dynamic.settle(len(missing) > 0)
	return nil
}

func (s *Server) searchAttributes(
	ctx context.Context, c sdkclient.Client,
) (map[string]enumspb.IndexedValueType, error) {
	res, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{
		Namespace: s.namespace,
	})
	if err != nil {
		return nil, err
	}
	return res.GetCustomAttributes(), nil
}

func (s *Server) checkUI(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.UIURL()+"/healthz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// poll calls check until it succeeds or ctx ends; it then returns the last
// failure, which says more than the end of ctx.
func poll(ctx context.Context, check func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-tick.C:
		}
	}
}
