package config

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"lethe/receipt"
)

// Print writes the configuration as YAML, each value with its source, secrets
// and passwords hidden. What is not set is null, which a file may say too.
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
		if err := value.Encode(s.printable(c)); err != nil {
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

// printable is the value for Print; nil where there is none.
func (s setting) printable(c *Config) any {
	var texts []string
	switch field := s.field(c).(type) {
	case *string:
		switch {
		case s.key == "database.url" && c.Embedded():
			return embeddedWord
		case *field == "":
			return nil
		case s.hide != nil:
			return s.hide(*field)
		}
		return *field
	case *[]receipt.PublicKey:
		for _, key := range *field {
			texts = append(texts, key.String())
		}
	case *[]netip.Prefix:
		for _, p := range *field {
			texts = append(texts, p.String())
		}
	case *[]string:
		texts = *field
	case *urls:
		for _, text := range *field {
			texts = append(texts, hidePassword(text))
		}
	case *int:
		return *field
	case *PerSecond:
		return int(*field)
	case *time.Duration:
		return field.String()
	case *days:
		return fmt.Sprintf("%dd", time.Duration(*field)/day)
	case *bool:
		return *field
	}
	if texts == nil {
		return nil
	}
	return texts
}
