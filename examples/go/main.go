// A client of the sandbox in Go: a module from a file, then Python whose output comes as it is
// written.
//
//	polyagent-go [-address HOST:PORT] MODULE.wasm < input
package main

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/polyagent/polyagent/examples/go/agentpb"
	pb "github.com/polyagent/polyagent/examples/go/polyagent"
)

const program = `
import time
for i in range(3):
    print("step", i, flush=True)
    time.sleep(0.2)
`

func runModule(ctx context.Context, agentClient *pb.AgentClient, base64WasmModule, inputData string) error {
	result, err := agentClient.ExecuteTool(ctx, &pb.ToolCallRequest{
		ToolName: "code_executor",
		Parameters: map[string]interface{}{
			"wasm_base64": base64WasmModule,
			"stdin":       inputData,
		},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s in %.2f ms: %s", result.GetStatus(), result.GetUsage().GetWallMs(), result.GetStdout())
	return nil
}

func streamPython(ctx context.Context, agentClient *pb.AgentClient) error {
	start := time.Now()
	request := &pb.ToolCallRequest{
		ToolName:   "python_executor",
		Parameters: map[string]interface{}{"code": program},
	}
	return agentClient.StreamExecuteTool(ctx, request, func(event *agentpb.ToolCallEvent) {
		switch {
		case event.GetStdout() != nil:
			fmt.Printf("after %.1f s: %s", time.Since(start).Seconds(), event.GetStdout())
		case event.GetEnded() != nil:
			fmt.Println("ended:", event.GetEnded().GetStatus())
		}
	})
}

func run() error {
	address := flag.String("address", "localhost:50051", "of the server")
	flag.Parse()
	if flag.NArg() != 1 {
		return fmt.Errorf("usage: polyagent-go [-address HOST:PORT] MODULE.wasm < input")
	}
	module, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		return err
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	agentClient, err := pb.Dial(*address)
	if err != nil {
		return err
	}
	defer agentClient.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := runModule(ctx, agentClient, base64.StdEncoding.EncodeToString(module), string(input)); err != nil {
		return err
	}
	return streamPython(ctx, agentClient)
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
