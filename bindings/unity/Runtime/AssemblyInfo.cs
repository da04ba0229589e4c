using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Sterna.Editor")]
[assembly: InternalsVisibleTo("Sterna.Tests")]
