/** `npm run docs`: the pages and the reference of every entry point as a site in build/site. Warnings are errors. */
import { join } from 'node:path';
import {
  Application,
  Converter,
  type DeclarationReflection,
  type DocumentReflection,
  OptionDefaults,
  ReflectionKind,
} from 'typedoc';
import packageJson from '../package.json' with { type: 'json' };
import tsconfig from '../tsconfig.json' with { type: 'json' };
import { CONTENTS } from './docsContents.ts';

const root = join(import.meta.dirname, '..');
const sources: Readonly<Record<string, readonly string[]>> = tsconfig.compilerOptions.paths;
/** The sources of what the package exports. */
const entryPoints = Object.keys(packageJson.exports).flatMap(
  (name) => sources[name.replace(/^\./, 'xpmir')] ?? [],
);
const groups = Object.entries(CONTENTS).flatMap(([group, pages]) =>
  pages.map((page) => [page, group] as const),
);
const pages = groups.map(([page]) => page);

const app = await Application.bootstrap({
  name: 'xpmir',
  tsconfig: join(root, 'tsconfig.json'),
  entryPoints: entryPoints.map((path) => join(root, path)),
  readme: join(root, 'README.md'),
  projectDocuments: pages.map((page) => join(root, page)),
  out: join(root, 'build', 'site'),
  groupOrder: [...Object.keys(CONTENTS), 'Modules', '*'],
  navigation: { includeGroups: true },
  disableSources: true, // lines of some commit
  hideGenerator: true,
  highlightLanguages: [...OptionDefaults.highlightLanguages, 'python'],
  excludeInternal: true,
  excludePrivate: true,
  skipErrorChecking: true, // `npm run typecheck` does it
  searchInDocuments: true,
  treatWarningsAsErrors: true,
  validation: { notExported: false, notDocumented: false, invalidLink: true, invalidPath: true },
});

/** A page is called by its first heading. */
let created = 0;
app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page: DocumentReflection) => {
  const heading = page.content[0]?.text.split('\n', 1)[0] as string;
  page.name = heading.replace(/^# /, '');
  page.frontmatter.group = groups.find(([path]) => path === pages[created])?.[1];
  created++;
});

/** By these declared classes know each other. */
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const each of project.getReflectionsByKind(ReflectionKind.Property))
    if (/^(\[DECLARATION\]|~parameters)$/.test(each.name)) project.removeReflection(each);
});

app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
  // The site's title is there already.
  const [beginning] = project.readme ?? [];
  if (beginning !== undefined) beginning.text = beginning.text.replace(/^# .*\n+/, '');
  // A class made of declared parameters extends a type without a name, whose fields are listed as its own.
  for (const each of project.getReflectionsByKind(ReflectionKind.Class) as DeclarationReflection[])
    if (each.extendedTypes?.some(({ type }) => type !== 'reference')) delete each.typeHierarchy;
});

const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
