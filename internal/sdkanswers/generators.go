package main

import (
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// writeForGenerators writes the contract without what the clients' generators turn into
// wrong types or none: conditions on combinations of fields, booleans with one value, the
// events of streams, exports, answers for clients that keep earlier ones, and failures that
// are not problems. The service checks the first two.
// The clients' own code reads streams and treats all failures alike. The calls of OpenAI's
// clients are left to these.
func writeForGenerators(openapi string, out io.Writer) error {
	text, err := os.ReadFile(openapi)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	simplify(&document)
	to := yaml.NewEncoder(out)
	to.SetIndent(2)
	if err := to.Encode(&document); err != nil {
		return err
	}
	return to.Close()
}

func simplify(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		if fields := n.Content; value(n, "type") != nil && value(n, "type").Value == "object" && value(n, "properties") != nil {
			n.Content = without(fields, "oneOf", "anyOf")
		} else if value(n, "type") != nil && value(n, "type").Value == "boolean" {
			n.Content = without(fields, "enum")
		}
		if stream := value(n, "text/event-stream"); stream != nil {
			stream.Content = []*yaml.Node{text("schema"), {Kind: yaml.MappingNode, Content: []*yaml.Node{text("type"), text("string")}}}
		}
		n.Content = without(n.Content, "ErasureEvent", "HeadersTooLarge", "431", "NotModified", "304", "ExportFormat", "ExportContents", "ExportAfter", "ExportMark")
		n.Content = withoutStreamed(n.Content)
		n.Content = withoutOpenAI(n.Content)
	}
	for _, inner := range n.Content {
		simplify(inner)
	}
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// value returns the value of a key in a mapping; nil if there is none.
func value(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// openAIPath begins the paths of OpenAI's clients; names in the contract that are for
// them begin with OpenAI.
const openAIPath = "/ai/"

func withoutOpenAI(content []*yaml.Node) []*yaml.Node {
	var kept []*yaml.Node
	for i := 0; i+1 < len(content); i += 2 {
		if key := content[i].Value; !strings.HasPrefix(key, openAIPath) && !strings.HasPrefix(key, "OpenAI") {
			kept = append(kept, content[i], content[i+1])
		}
	}
	return kept
}

// withoutStreamed drops the operations that the clients lack.
func withoutStreamed(content []*yaml.Node) []*yaml.Node {
	var kept []*yaml.Node
	for i := 0; i+1 < len(content); i += 2 {
		if id := value(content[i+1], "operationId"); id == nil || !slices.Contains(streamed, id.Value) {
			kept = append(kept, content[i], content[i+1])
		}
	}
	return kept
}

func without(content []*yaml.Node, keys ...string) []*yaml.Node {
	var kept []*yaml.Node
pairs:
	for i := 0; i+1 < len(content); i += 2 {
		for _, key := range keys {
			if content[i].Value == key {
				continue pairs
			}
		}
		kept = append(kept, content[i], content[i+1])
	}
	return kept
}
