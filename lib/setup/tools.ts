/** The programs that a build needs: missing ones are named all at once, with how to get them. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Tool {
  readonly what: string;
  /** Any of these programs will do. */
  readonly programs: readonly string[];
  readonly debian: string;
  readonly fedora: string;
  readonly macos: string;
}

const xcode = 'xcode-select --install';

function buildTools(env: NodeJS.ProcessEnv): readonly Tool[] {
  return [
    { what: 'CMake', programs: ['cmake'], debian: 'cmake', fedora: 'cmake', macos: 'brew install cmake' },
    {
      what: 'a C++ compiler',
      programs: env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++'],
      debian: 'g++',
      fedora: 'gcc-c++',
      macos: xcode,
    },
    { what: 'ninja or make', programs: ['ninja', 'make'], debian: 'make', fedora: 'make', macos: xcode },
  ];
}

/** @throws Error that names every missing program and the commands that install them. */
export function checkBuildTools(env: NodeJS.ProcessEnv = process.env): void {
  const missing = missingTools(env);
  if (missing !== undefined) throw new Error(missing);
}

/** Names every missing program and the commands that install them; undefined where none is missing. */
export function missingTools(env: NodeJS.ProcessEnv): string | undefined {
  const missing = buildTools(env).filter(
    ({ programs }) => !programs.some((program) => isProgram(program, env)),
  );
  return missing.length > 0 ? missingMessage(missing) : undefined;
}

/** Ninja where there is one: it starts faster and its progress line is shorter. */
export function buildGenerator(env: NodeJS.ProcessEnv = process.env): string {
  return isProgram('ninja', env) ? 'Ninja' : 'Unix Makefiles';
}

/** Whether a name on PATH, or a path, is a program. */
export function isProgram(name: string, env: NodeJS.ProcessEnv): boolean {
  const places = name.includes('/')
    ? [name]
    : (env.PATH ?? '').split(delimiter).map((directory) => join(directory, name));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingMessage(missing: readonly Tool[]): string {
  const list = (words: readonly string[], separator: string) => [...new Set(words)].join(separator);
  return `Building the addon needs ${list(
    missing.map(({ what }) => what),
    ', ',
  )}, not found on this machine. To get them:
  Debian, Ubuntu: sudo apt-get install ${list(
    missing.map(({ debian }) => debian),
    ' ',
  )}
  Fedora:         sudo dnf install ${list(
    missing.map(({ fedora }) => fedora),
    ' ',
  )}
  macOS:          ${list(
    missing.map(({ macos }) => macos),
    ' && ',
  )}`;
}
