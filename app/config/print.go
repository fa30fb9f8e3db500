package config

import (
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print writes the configuration as YAML, each value with its source, and hides secrets
// and passwords. An unset value is null, which a file can contain too.
func (c *Config) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{"": root}
	for _, s := range settings {
		section, name, _ := strings.Cut(s.key, ".")
		if name == "" {
			section, name = "", section
		}
		if sections[section] == nil {
			sections[section] = &yaml.Node{Kind: yaml.MappingNode}
			root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: section}, sections[section])
		}
		var value yaml.Node
		if err := value.Encode(s.value(c).printed()); err != nil {
			return err
		}
		if value.Kind == yaml.SequenceNode {
			value.Style = yaml.FlowStyle
		}
		value.LineComment = c.sources[s.key]
		if !strings.HasSuffix(value.LineComment, " "+s.env()) {
			value.LineComment += "; " + s.env()
		}
		sections[section].Content = append(sections[section].Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, &value)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return err
	}
	return enc.Close()
}
