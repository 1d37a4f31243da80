package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/dotenv"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/server"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// environment joins the environment and the file of variables. The file is looked
// for where the original's is: python-dotenv begins in the folder of its source.
func (f *serveFlags) environment(cmd *cobra.Command) error {
	named := cmd.Flags().Changed("env-file")
	if !named {
		f.envFile = ""
		if !dotenv.Disabled(os.LookupEnv) {
			f.envFile = dotenv.Find(server.SourceFolder())
		}
	}
	var file *dotenv.File
	if f.envFile != "" {
		data, err := source.ReadFile(f.envFile, dotenv.MaxBytes)
		if err == nil {
			file, err = dotenv.Parse(data, os.LookupEnv)
		} else {
			err = fmt.Errorf("%s", files.Reason(err))
		}
		if err != nil {
			if named {
				return fmt.Errorf("--env-file %s: %w", f.envFile, err)
			}
			return fmt.Errorf("the settings in %s: %w", f.envFile, err)
		}
		f.notices = append(f.notices, "settings from "+f.envFile+", for variables that the environment lacks")
		for _, note := range file.Notes {
			f.notices = append(f.notices, f.envFile+": "+note)
		}
	}
	f.Env = func(name string) (string, bool) {
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		return file.Lookup(name)
	}
	return nil
}

// release gives the ledger back to the original.
func (a *app) release(ctx context.Context, f *serveFlags) error {
	asJSON := f.logFormat == "json" || a.output == "json"
	log := a.logger(asJSON)
	told, err := server.Release(ctx, f.Settings)
	switch {
	case errors.Is(err, server.ErrSettings):
		return errors.New(trimSettings(err))
	case err != nil:
		return &problemError{"serve", exitMalformed, err}
	}
	for _, notice := range append(f.notices, told...) {
		a.notice(log, asJSON, notice)
	}
	return nil
}
