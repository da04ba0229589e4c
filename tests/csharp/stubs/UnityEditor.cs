// What the Unity package uses of UnityEditor: see UnityEngine.cs. Drawing writes down what is drawn.

using System;
using System.Collections.Generic;

namespace UnityEditor
{
    public enum PlayModeStateChange
    {
        EnteredEditMode,
        ExitingEditMode,
        EnteredPlayMode,
        ExitingPlayMode,
    }

    public enum MessageType
    {
        None,
        Info,
        Warning,
        Error,
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class InitializeOnLoadAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CustomEditor : Attribute
    {
        public CustomEditor(Type inspectedType)
        {
        }
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();

        public static event AssemblyReloadCallback beforeAssemblyReload;

        /// <summary>What the editor does before it loads scripts anew.</summary>
        public static void Raise()
        {
            beforeAssemblyReload();
        }
    }

    public static class EditorApplication
    {
        public static event Action quitting;

        public static event Action<PlayModeStateChange> playModeStateChanged;

        public static void Raise(PlayModeStateChange change)
        {
            playModeStateChanged(change);
        }

        public static void Quit()
        {
            quitting();
        }
    }

    public static class EditorPrefs
    {
        private static readonly Dictionary<string, string> Values = new Dictionary<string, string>();

        public static string GetString(string key, string defaultValue)
        {
            string value;
            return Values.TryGetValue(key, out value) ? value : defaultValue;
        }

        public static void SetString(string key, string value)
        {
            Values[key] = value;
        }
    }

    public class Editor : UnityEngine.ScriptableObject
    {
        public UnityEngine.Object target { get; set; }

        public virtual void OnInspectorGUI()
        {
        }

        public virtual bool RequiresConstantRepaint()
        {
            return false;
        }

        public bool DrawDefaultInspector()
        {
            return false;
        }
    }

    public static class EditorGUI
    {
        /// <summary>Whether buttons can be pressed where drawing is.</summary>
        internal static bool Enabled = true;

        public static void BeginChangeCheck()
        {
        }

        public static bool EndChangeCheck()
        {
            return false;
        }

        public class DisabledScope : IDisposable
        {
            public DisabledScope(bool disabled)
            {
                Enabled = !disabled;
            }

            public void Dispose()
            {
                Enabled = true;
            }
        }
    }

    public static class EditorGUILayout
    {
        /// <summary>What was drawn, line by line.</summary>
        public static readonly List<string> Drawn = new List<string>();

        public static void LabelField(string label, string label2, params UnityEngine.GUILayoutOption[] options)
        {
            Drawn.Add(label + ": " + label2);
        }

        public static string TextField(string label, string text, params UnityEngine.GUILayoutOption[] options)
        {
            Drawn.Add(label + ": " + text);
            return text;
        }

        public static void HelpBox(string message, MessageType type)
        {
            Drawn.Add(type + ": " + message);
        }

        public static void Space()
        {
        }
    }

    public enum BuildTarget
    {
        StandaloneWindows64 = 19,
        Android = 13,
    }

    public static class PlayerSettings
    {
        public static class Android
        {
            public static bool forceInternetPermission { get; set; }
        }
    }
}

namespace UnityEditor.Build
{
    public interface IPreprocessBuildWithReport
    {
        int callbackOrder { get; }

        void OnPreprocessBuild(Reporting.BuildReport report);
    }
}

namespace UnityEditor.Build.Reporting
{
    public struct BuildSummary
    {
        public BuildTarget platform { get; set; }
    }

    public sealed class BuildReport : UnityEngine.Object
    {
        public BuildSummary summary { get; set; }
    }
}
