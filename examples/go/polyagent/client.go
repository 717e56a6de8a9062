// Package polyagent calls a PolyAgent sandbox.
//
// It is the generated code of proto/polyagent/agent.proto with one convenience: parameters are a
// map, as in the integration guide.
//
//	agentClient, err := pb.Dial("localhost:50051")
//	result, err := agentClient.ExecuteTool(ctx, &pb.ToolCallRequest{
//		ToolName:   "python_executor",
//		Parameters: map[string]interface{}{"code": "print(6 * 7)"},
//	})
//	fmt.Print(result.GetStdout())
package polyagent

import (
	"context"
	"fmt"
	"io"

	"github.com/polyagent/polyagent/examples/go/agentpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

// ToolCallRequest asks for one run of a tool.
type ToolCallRequest struct {
	ToolName   string
	Parameters map[string]interface{}
}

func (r *ToolCallRequest) message() (*agentpb.ToolCallRequest, error) {
	parameters, err := structpb.NewStruct(r.Parameters)
	if err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", r.ToolName, err)
	}
	return &agentpb.ToolCallRequest{ToolName: r.ToolName, Parameters: parameters}, nil
}

// AgentClient is a connection to a server; any number of goroutines may use it.
type AgentClient struct {
	connection *grpc.ClientConn
	client     agentpb.AgentServiceClient
}

// Dial connects without TLS unless an option says otherwise.
func Dial(address string, options ...grpc.DialOption) (*AgentClient, error) {
	if len(options) == 0 {
		options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	connection, err := grpc.Dial(address, options...)
	if err != nil {
		return nil, err
	}
	return &AgentClient{connection, agentpb.NewAgentServiceClient(connection)}, nil
}

// Close ends the connection and every call on it.
func (c *AgentClient) Close() error {
	return c.connection.Close()
}

// ExecuteTool runs a tool to its end.  When ctx is cancelled the run is killed.
func (c *AgentClient) ExecuteTool(ctx context.Context, request *ToolCallRequest) (*agentpb.ToolCallResponse, error) {
	message, err := request.message()
	if err != nil {
		return nil, err
	}
	return c.client.ExecuteTool(ctx, message)
}

// StreamExecuteTool runs a tool and hands out what happens as it happens, the outcome last.
func (c *AgentClient) StreamExecuteTool(ctx context.Context, request *ToolCallRequest,
	handle func(*agentpb.ToolCallEvent)) error {
	message, err := request.message()
	if err != nil {
		return err
	}
	stream, err := c.client.StreamExecuteTool(ctx, message)
	if err != nil {
		return err
	}
	for {
		event, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		handle(event)
	}
}
