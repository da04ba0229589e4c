// What the Unity package uses of UnityEngine, with the signatures of Unity 2021.3, so that it can be compiled, and its
// logic run, without an editor. It stands for nothing else of Unity's behaviour.

using System;
using System.Collections.Generic;
using System.Linq;

namespace UnityEngine
{
    public class Object
    {
        public string name { get; set; }

        public static void DontDestroyOnLoad(Object target)
        {
        }
    }

    public class GameObject : Object
    {
        /// <summary>For <see cref="Component.AddTo"/>.</summary>
        public readonly List<Component> Components = new List<Component>();

        public T GetComponent<T>()
        {
            return Components.OfType<T>().FirstOrDefault();
        }
    }

    public class Component : Object
    {
        private GameObject owner = new GameObject();

        public GameObject gameObject
        {
            get { return owner; }
        }

        public T GetComponent<T>()
        {
            return owner.GetComponent<T>();
        }

        /// <summary>What AddComponent does in the engine, which makes the component itself.</summary>
        public void AddTo(GameObject other)
        {
            owner = other;
            other.Components.Add(this);
        }
    }

    public class Behaviour : Component
    {
        public bool enabled { get; set; }
    }

    public class MonoBehaviour : Behaviour
    {
    }

    public class ScriptableObject : Object
    {
    }

    public static class Application
    {
        public static bool isPlaying { get; set; }
    }

    public static class Debug
    {
        /// <summary>What was logged, for tests.</summary>
        public static readonly List<string> Lines = new List<string>();

        public static void Log(object message)
        {
            Lines.Add("log: " + message);
        }

        public static void Log(object message, Object context)
        {
            Log(message);
        }

        public static void LogWarning(object message)
        {
            Lines.Add("warning: " + message);
        }

        public static void LogWarning(object message, Object context)
        {
            LogWarning(message);
        }

        public static void LogError(object message)
        {
            Lines.Add("error: " + message);
        }

        public static void LogError(object message, Object context)
        {
            LogError(message);
        }
    }

    public static class GUILayout
    {
        /// <summary>The button that is pressed the next time it is drawn.</summary>
        public static string Pressed;

        public static bool Button(string text, params GUILayoutOption[] options)
        {
            bool pressed = UnityEditor.EditorGUI.Enabled && Pressed == text;
            if (pressed)
            {
                Pressed = null;
            }
            return pressed;
        }

        public static void Label(string text, params GUILayoutOption[] options)
        {
            UnityEditor.EditorGUILayout.Drawn.Add(text);
        }
    }

    public sealed class GUILayoutOption
    {
    }

    public enum RuntimeInitializeLoadType
    {
        AfterSceneLoad,
        BeforeSceneLoad,
        AfterAssembliesLoaded,
        BeforeSplashScreen,
        SubsystemRegistration,
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AddComponentMenu : Attribute
    {
        public AddComponentMenu(string menuName)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class DisallowMultipleComponent : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class DefaultExecutionOrder : Attribute
    {
        public DefaultExecutionOrder(int order)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
    public sealed class RequireComponent : Attribute
    {
        public RequireComponent(Type requiredComponent)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class SerializeField : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TooltipAttribute : Attribute
    {
        public TooltipAttribute(string tooltip)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field, AllowMultiple = true)]
    public sealed class HeaderAttribute : Attribute
    {
        public HeaderAttribute(string header)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class RangeAttribute : Attribute
    {
        public RangeAttribute(float min, float max)
        {
        }
    }
}
